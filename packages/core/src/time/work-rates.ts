import { type AffineBytes, addBytes, bytesAt, type Chain, NO_BYTES, remembered } from "../facts/index.ts";
import type { UnitWork } from "../memory/index.ts";
import { type Observation, robustLeastSquares } from "../numerics/index.ts";

/** What any work costs where nothing was measured of its unit: launching, computing, moving bytes. */
export interface WorkRates {
  readonly launchMs: number;
  readonly msPerFlop: number;
  readonly msPerByte: number;
}

/** A slow core: where a fit starts from, so that it is defined with any number of measurements. */
export const DEFAULT_RATES: WorkRates = { launchMs: 0.02, msPerFlop: 1 / 2e7, msPerByte: 1 / 3e6 };

/** Launches, floating point operations and bytes moved by some work, for each micro-batch and for each sample. */
export interface WorkAmount {
  readonly launches: number;
  readonly flopsPerSample: number;
  readonly bytes: AffineBytes;
}

/** Work of units is planned once for all devices of a model, and so are its amounts. */
const AMOUNTS = new WeakMap<readonly UnitWork[], WorkAmount>();
const WITHOUT_KERNELS = new WeakMap<readonly UnitWork[], readonly UnitWork[]>();

/** Remembered: `work` must not change, and is of one chain. */
export function amountOf(chain: Chain, work: readonly UnitWork[]): WorkAmount {
  return remembered(AMOUNTS, work, () => countAmount(chain, work));
}

function countAmount(chain: Chain, work: readonly UnitWork[]): WorkAmount {
  let launches = 0;
  let flopsPerSample = 0;
  let bytes = NO_BYTES;
  for (const entry of work) {
    if (entry.kind === "addGradients") {
      launches += 1;
      bytes = addBytes(bytes, scaled(entry.bytes, 3));
      continue;
    }
    const op = chain.ops[entry.op]!;
    if (op.isAlias) continue;
    launches += 1;
    const inputs = op.inputs.reduce((sum, value) => addBytes(sum, valueBytes(chain, value)), NO_BYTES);
    const output = valueBytes(chain, op.output);
    if (entry.kind === "forward") {
      flopsPerSample += op.forward.flopsPerSample;
      bytes = addBytes(bytes, addBytes(inputs, output));
      continue;
    }
    const gradients = (entry.reachesInput ? 1 : 0) + (entry.trains ? 1 : 0);
    flopsPerSample += op.forward.flopsPerSample * gradients;
    bytes = addBytes(bytes, addBytes(output, scaled(inputs, gradients)));
  }
  return { launches, flopsPerSample, bytes };
}

/**
 * What is left of backward work when only normalisation layers train: kernels' gradients are not computed. Remembered, as
 * `amountOf`.
 */
export function withoutKernelGradients(chain: Chain, work: readonly UnitWork[]): readonly UnitWork[] {
  return remembered(WITHOUT_KERNELS, work, () =>
    work.flatMap((entry): readonly UnitWork[] => {
      if (entry.kind !== "backward" || !entry.trains || !hasKernel(chain, entry.op)) return [entry];
      return entry.reachesInput ? [{ ...entry, trains: false }] : [];
    }),
  );
}

/** Whether an operation has parameters that are not normalisation's. */
export function hasKernel(chain: Chain, op: number): boolean {
  return chain.ops[op]!.parameters.some((parameter) => {
    return chain.parameters[parameter]!.layerClass !== "normalisation";
  });
}

export function ratedMs({ launches, flopsPerSample, bytes }: WorkAmount, microBatch: number, rates: WorkRates): number {
  return (
    launches * rates.launchMs +
    flopsPerSample * microBatch * rates.msPerFlop +
    bytesAt(bytes, microBatch) * rates.msPerByte
  );
}

/** Rates from measured times of work: robust, never negative, leaning to the default where measurements say nothing. */
export function fitRates(
  measured: readonly { readonly amount: WorkAmount; readonly microBatch: number; readonly ms: number }[],
): WorkRates {
  const observations = measured
    .filter(({ ms }) => ms > 0)
    .map(
      ({ amount, microBatch, ms }): Observation => ({
        features: [
          amount.launches * DEFAULT_RATES.launchMs,
          amount.flopsPerSample * microBatch * DEFAULT_RATES.msPerFlop,
          bytesAt(amount.bytes, microBatch) * DEFAULT_RATES.msPerByte,
        ],
        target: ms,
        weight: 1 / ms ** 2,
      }),
    );
  const lean = { mean: 1, strength: 1e-6, least: 0 };
  const [launch, flop, byte] = robustLeastSquares(observations, [lean, lean, lean]) as [number, number, number];
  return {
    launchMs: launch * DEFAULT_RATES.launchMs,
    msPerFlop: flop * DEFAULT_RATES.msPerFlop,
    msPerByte: byte * DEFAULT_RATES.msPerByte,
  };
}

function valueBytes(chain: Chain, value: number): AffineBytes {
  return chain.values[value]!.bytes;
}

function scaled({ fixed, perSample }: AffineBytes, factor: number): AffineBytes {
  return { fixed: fixed * factor, perSample: perSample * factor };
}
