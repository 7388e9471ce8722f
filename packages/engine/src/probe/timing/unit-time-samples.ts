import {
  type Chain,
  type Instruction,
  type StepPlan,
  trainedBytes,
  type UnitTimeSample,
  type UpdateSample,
} from "@mpo/core";
import { timedParts } from "../../compiler/timed-parts.ts";
import { CALM_SHARE } from "./cpu-contention.ts";
import { timedPlan } from "./timed-plan.ts";
import type { PartTimes, UnitTimingReport } from "./unit-timing.ts";

export type TimedParts = Pick<UnitTimingReport, "steps" | "applyMs">;

/** Times of a step's parts, added up to those of the model's units: a sample for each unit and micro-batch. */
export function unitTimeSamples(chain: Chain, { steps }: TimedParts): readonly UnitTimeSample[] {
  const all = runsOf(chain, steps);
  const microBatches = [...new Set(all.map(({ microBatch }) => microBatch))].sort((left, right) => left - right);
  return microBatches.flatMap((microBatch) => {
    const runs = calmest(all.filter((times) => times.microBatch === microBatch));
    return chain.units.map((_, unit): UnitTimeSample => {
      const read = (field: "forwardMs" | "backwardMs" | "normOnlyBackwardMs"): readonly number[] =>
        runs.map((run) => run[field][unit]!);
      return {
        unit,
        microBatch,
        forwardMs: read("forwardMs"),
        backwardMs: read("backwardMs"),
        normOnlyBackwardMs: read("normOnlyBackwardMs"),
      };
    });
  });
}

/** Time of stepping the optimizer, and of adding all gradients to their accumulators once. */
export function updateSample(chain: Chain, { steps, applyMs }: TimedParts): UpdateSample {
  const plan = timedPlan(chain);
  const isAccumulation = timedParts(plan).map(({ instruction }) => plan.microStep[instruction]?.kind === "accumulate");
  return {
    parameterBytes: trainedBytes(chain, []),
    updateMs: applyMs.slice(-MAX_REPEATS),
    accumulateMs: calmest(steps)
      .slice(-MAX_REPEATS)
      .map(({ partMs }) => partMs.reduce((sum, ms, index) => (isAccumulation[index] === true ? sum + ms : sum), 0)),
  };
}

/** Repeats that a profile keeps of one time. */
const MAX_REPEATS = 32;

/** One run, added up; times by unit. */
interface UnitRun extends Pick<PartTimes, "microBatch" | "othersCpuShare"> {
  readonly forwardMs: readonly number[];
  readonly backwardMs: readonly number[];
  /** Of `backwardMs`, all but the gradients of kernels. */
  readonly normOnlyBackwardMs: readonly number[];
}

function runsOf(chain: Chain, steps: readonly PartTimes[]): readonly UnitRun[] {
  const plan = timedPlan(chain);
  const owners = instructionUnits(plan);
  const parts = timedParts(plan);
  return steps.map((step) => {
    const forwardMs = chain.units.map(() => 0);
    const backwardMs = chain.units.map(() => 0);
    const normOnlyBackwardMs = chain.units.map(() => 0);
    step.partMs.forEach((ms, index) => {
      const { instruction, isKernelGradient } = parts[index]!;
      const owner = owners[instruction];
      if (owner === undefined) return;
      const add = (sums: number[]): void => {
        sums[owner.unit]! += ms;
      };
      add(owner.direction === "forward" ? forwardMs : backwardMs);
      if (owner.direction === "backward" && !isKernelGradient) add(normOnlyBackwardMs);
    });
    return { ...step, forwardMs, backwardMs, normOnlyBackwardMs };
  });
}

/** Runs during which others left the processor alone; where there are none such, the half that they disturbed least. */
function calmest<Run extends { readonly othersCpuShare?: number }>(runs: readonly Run[]): readonly Run[] {
  const shares = runs.map(({ othersCpuShare = 0 }) => othersCpuShare);
  const middle = [...shares].sort((left, right) => left - right)[Math.floor((shares.length - 1) / 2)] ?? 0;
  return runs.filter((_, index) => shares[index]! <= Math.max(CALM_SHARE, middle)).slice(-MAX_REPEATS / 2);
}

interface Owner {
  readonly unit: number;
  readonly direction: "forward" | "backward";
}

/** The unit that each instruction belongs to; undefined for the loss and the accumulators. */
function instructionUnits(plan: StepPlan): readonly (Owner | undefined)[] {
  const unitOf = (op: number): number => plan.chain.ops[op]!.unit;
  /** A sum of gradients belongs to the unit whose backward pass is running. */
  let running = plan.chain.units.length - 1;
  return plan.microStep.map((instruction: Instruction): Owner | undefined => {
    if (instruction.kind === "forward") return { unit: unitOf(instruction.op), direction: "forward" };
    if (instruction.kind === "backward") running = unitOf(instruction.op);
    const isBackward = instruction.kind === "backward" || instruction.kind === "addGradients";
    return isBackward ? { unit: running, direction: "backward" } : undefined;
  });
}
