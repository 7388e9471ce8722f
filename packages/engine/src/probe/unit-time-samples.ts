import type { ChainOp, Instruction, StepPlan, UnitTimeSample, UpdateSample } from "@mpo/core";
import type { InstructionTimes, UnitTimingReport } from "./unit-timing.ts";

/** Times of a plan's instructions, added up to those of the model's units: one sample for each unit and micro-batch. */
export function unitTimeSamples(plan: StepPlan, steps: readonly InstructionTimes[]): readonly UnitTimeSample[] {
  const owners = instructionUnits(plan);
  const microBatches = [...new Set(steps.map(({ microBatch }) => microBatch))].sort((left, right) => left - right);
  return microBatches.flatMap((microBatch) => {
    const runs = steps.filter((step) => step.microBatch === microBatch);
    return plan.chain.units.map((_, unit): UnitTimeSample => {
      const sums = (direction: Owner["direction"]): readonly number[] =>
        runs.map(({ instructionMs }) =>
          instructionMs.reduce((sum, ms, index) => {
            const owner = owners[index];
            return owner?.unit === unit && owner.direction === direction ? sum + ms : sum;
          }, 0),
        );
      return { unit, microBatch, forwardMs: sums("forward"), backwardMs: sums("backward") };
    });
  });
}

/** Time of stepping the optimizer, and of adding all gradients to their accumulators once. */
export function updateSample(plan: StepPlan, { steps, applyMs }: UnitTimingReport): UpdateSample {
  const isAccumulation = plan.microStep.map(({ kind }) => kind === "accumulate");
  return {
    parameterBytes: plan.chain.parameters.reduce((sum, { bytes }) => sum + bytes, 0),
    updateMs: applyMs,
    accumulateMs: steps.map(({ instructionMs }) =>
      instructionMs.reduce((sum, ms, index) => (isAccumulation[index] === true ? sum + ms : sum), 0),
    ),
  };
}

interface Owner {
  readonly unit: number;
  readonly direction: "forward" | "backward";
}

/** The unit that each instruction belongs to; undefined for the loss and the accumulators. */
function instructionUnits(plan: StepPlan): readonly (Owner | undefined)[] {
  const unitOf = (op: number): number => (plan.chain.ops[op] as ChainOp).unit;
  /** A sum of gradients belongs to the unit whose backward pass is running. */
  let running = plan.chain.units.length - 1;
  return plan.microStep.map((instruction: Instruction): Owner | undefined => {
    if (instruction.kind === "forward") return { unit: unitOf(instruction.op), direction: "forward" };
    if (instruction.kind === "backward") running = unitOf(instruction.op);
    const isBackward = instruction.kind === "backward" || instruction.kind === "addGradients";
    return isBackward ? { unit: running, direction: "backward" } : undefined;
  });
}
