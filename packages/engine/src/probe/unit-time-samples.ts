import type { Chain, ChainOp, Instruction, StepPlan, UnitTimeSample, UpdateSample } from "@mpo/core";
import { CALM_SHARE } from "./cpu-contention.ts";
import { timedPlan } from "./timed-plan.ts";
import type { InstructionTimes, TimedPassReport } from "./unit-timing.ts";

/** Times of the instructions of all passes, added up to those of the model's units: a sample for each unit and micro-batch. */
export function unitTimeSamples(chain: Chain, passes: readonly TimedPassReport[]): readonly UnitTimeSample[] {
  const all = timesOf(chain, passes, "all");
  const normOnly = timesOf(chain, passes, "normOnly");
  const microBatches = [...new Set(all.map(({ microBatch }) => microBatch))].sort((left, right) => left - right);
  return microBatches.flatMap((microBatch) => {
    const runs = calmest(all.filter((times) => times.microBatch === microBatch));
    const normRuns = calmest(normOnly.filter((times) => times.microBatch === microBatch));
    return chain.units.map((_, unit): UnitTimeSample => {
      const forwardMs = [...runs, ...normRuns].map((run) => run.forwardMs[unit] as number);
      const backwardMs = runs.map((run) => run.backwardMs[unit] as number);
      const normOnlyBackwardMs = normRuns.map((run) => run.backwardMs[unit] as number);
      return { unit, microBatch, forwardMs, backwardMs, ...(normRuns.length === 0 ? {} : { normOnlyBackwardMs }) };
    });
  });
}

/** Time of stepping the optimizer, and of adding all gradients to their accumulators once. */
export function updateSample(chain: Chain, { steps, applyMs }: TimedPassReport): UpdateSample {
  const isAccumulation = timedPlan(chain).microStep.map(({ kind }) => kind === "accumulate");
  return {
    parameterBytes: chain.parameters.reduce((sum, { bytes }) => sum + bytes, 0),
    updateMs: applyMs.slice(-MAX_REPEATS),
    accumulateMs: calmest(steps)
      .slice(-MAX_REPEATS)
      .map(({ instructionMs }) =>
        instructionMs.reduce((sum, ms, index) => (isAccumulation[index] === true ? sum + ms : sum), 0),
      ),
  };
}

/** Repeats that a profile keeps of one time. */
const MAX_REPEATS = 32;

/** One run, added up. */
interface UnitRun extends Pick<InstructionTimes, "microBatch" | "othersCpuShare"> {
  /** By unit. */
  readonly forwardMs: readonly number[];
  readonly backwardMs: readonly number[];
}

function timesOf(chain: Chain, passes: readonly TimedPassReport[], pass: TimedPassReport["pass"]): readonly UnitRun[] {
  const plan = timedPlan(chain, 1, pass);
  const owners = instructionUnits(plan);
  const steps = passes.find((report) => report.pass === pass)?.steps ?? [];
  return steps.map((step) => {
    const forwardMs = chain.units.map(() => 0);
    const backwardMs = chain.units.map(() => 0);
    step.instructionMs.forEach((ms, index) => {
      const owner = owners[index];
      if (owner === undefined) return;
      const sums = owner.direction === "forward" ? forwardMs : backwardMs;
      sums[owner.unit] = (sums[owner.unit] as number) + ms;
    });
    return { ...step, forwardMs, backwardMs };
  });
}

/** Runs during which others left the processor alone; where there are none such, the half that they disturbed least. */
function calmest<Run extends { readonly othersCpuShare?: number }>(runs: readonly Run[]): readonly Run[] {
  const shares = runs.map(({ othersCpuShare = 0 }) => othersCpuShare);
  const middle = [...shares].sort((left, right) => left - right)[Math.floor((shares.length - 1) / 2)] ?? 0;
  return runs.filter((_, index) => (shares[index] as number) <= Math.max(CALM_SHARE, middle)).slice(-MAX_REPEATS / 2);
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
