import { type Chain, hasKernel, type Instruction, type StepPlan } from "@mpo/core";

/** A stretch of a timed micro-step between two readings of the clock: an instruction, or one half of it. */
export interface TimedPart {
  /** Position in `plan.microStep`. */
  readonly instruction: number;
  /** It computes nothing but gradients of kernels, which are not computed where normalisation alone trains. */
  readonly isKernelGradient: boolean;
  /** Of a backward pass in two parts, which gradients this one computes; absent: it is the whole instruction. */
  readonly half?: GradientHalf;
}

export type GradientHalf = "parameters" | "inputs";

/**
 * The parts that a timed program distinguishes, in order. The backward pass of a layer with a kernel is two parts where
 * it hands a gradient on: the kernel's own gradient first, then its input's.
 */
export function timedParts({ chain, microStep }: StepPlan): readonly TimedPart[] {
  return microStep.flatMap((instruction, index): readonly TimedPart[] => {
    if (!computesKernelGradient(chain, instruction)) return [{ instruction: index, isKernelGradient: false }];
    if (!handsOn(instruction)) return [{ instruction: index, isKernelGradient: true }];
    return [
      { instruction: index, isKernelGradient: true, half: "parameters" },
      { instruction: index, isKernelGradient: false, half: "inputs" },
    ];
  });
}

function computesKernelGradient(chain: Chain, instruction: Instruction): boolean {
  if (instruction.kind !== "backward" || !hasKernel(chain, instruction.op)) return false;
  return instruction.parameterGradients.some((gradient) => gradient !== undefined);
}

function handsOn(instruction: Instruction): boolean {
  return instruction.kind === "backward" && instruction.inputGradients.some((gradient) => gradient !== undefined);
}
