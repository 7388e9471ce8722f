import { type AffineBytes, COMPILED_KERNEL_BYTES, type GradientNeeds, NO_BYTES, perSampleBytes } from "@mpo/core";
import { elementsOf, type SampleShape } from "../model/model-graph.ts";
import type { OpFacts } from "./op-definition.ts";

export const FLOAT_BYTES = 4;

export const NEEDS_NOTHING: GradientNeeds = { inputs: [], output: false, statistics: false };
export const NEEDS_INPUT: GradientNeeds = { inputs: [0], output: false, statistics: false };
export const NEEDS_OUTPUT: GradientNeeds = { inputs: [], output: true, statistics: false };

/** Bytes of one float32 activation of this shape for each sample. */
export function activationBytes(shape: SampleShape): AffineBytes {
  return perSampleBytes(elementsOf(shape) * FLOAT_BYTES);
}

/** What an operation says where it differs from a plain elementwise one without parameters. */
export interface PartialFacts {
  readonly isAlias?: boolean;
  /** Runs kernels that the library compiles for their shape, with work space of its own. */
  readonly isCompiled?: boolean;
  /** Its work space is a tensor though its kernels are compiled. */
  readonly worksInPool?: boolean;
  readonly statisticsBytes?: AffineBytes;
  readonly forwardWork?: AffineBytes;
  readonly earlyForwardWork?: AffineBytes;
  readonly overwrites?: readonly number[];
  readonly flopsPerSample?: number;
  readonly passesThrough?: boolean;
  readonly isJoint?: boolean;
  readonly inputNeeds?: GradientNeeds;
  readonly parameterNeeds?: GradientNeeds;
  readonly inputWork?: AffineBytes;
  readonly parameterWork?: AffineBytes;
  readonly overwritesGradient?: boolean;
}

/** Completes an operation's facts. */
export function opFacts(partial: PartialFacts): OpFacts {
  return {
    isAlias: partial.isAlias ?? false,
    ...(partial.isCompiled === true
      ? { worksOutsidePool: partial.worksInPool !== true, kernelBytes: COMPILED_KERNEL_BYTES }
      : {}),
    ...(partial.statisticsBytes === undefined ? {} : { statisticsBytes: partial.statisticsBytes }),
    forward: {
      workBytes: partial.forwardWork ?? NO_BYTES,
      ...(partial.earlyForwardWork === undefined ? {} : { earlyWorkBytes: partial.earlyForwardWork }),
      overwrites: partial.overwrites ?? [],
      flopsPerSample: partial.flopsPerSample ?? 0,
    },
    backward: {
      passesThrough: partial.passesThrough ?? false,
      isJoint: partial.isJoint ?? false,
      inputNeeds: partial.inputNeeds ?? NEEDS_NOTHING,
      parameterNeeds: partial.parameterNeeds ?? NEEDS_NOTHING,
      inputWorkBytes: partial.inputWork ?? NO_BYTES,
      parameterWorkBytes: partial.parameterWork ?? NO_BYTES,
      overwritesGradient: partial.overwritesGradient ?? false,
    },
  };
}
