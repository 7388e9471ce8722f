import {
  type AccuracySample,
  formatBytes,
  MpoError,
  type Profile,
  powersOfTwo,
  requireTrainable,
  residentGrowth,
  SECOND_MS,
  validateProfile,
} from "@mpo/core";
import { measureAccuracy } from "./accuracy/measure-accuracy.ts";
import { graphDigest } from "./graph-digest.ts";
import { ProbeContext } from "./probe-context.ts";
import { ProbeFindings } from "./probe-findings.ts";
import { ProbeGuard } from "./probe-guard.ts";
import type { ProbeBudget, ProbeOptions, ProbeTask } from "./probe-task.ts";
import { LEAST_STEPS, StepMeasurements } from "./step-measurements.ts";
import { timeUnits } from "./timing/time-units.ts";
import { timedPlan } from "./timing/timed-plan.ts";
import type { UnitTimingReport } from "./timing/unit-timing.ts";

const TIMING_ROUNDS = 8;
/** Share of the time that timing units may take. */
const TIMING_SHARE = 0.3;

/**
 * Measures a model on this device within a budget: the time of each unit at a few micro-batches (read inside real
 * steps), whole steps of a few configs (memory in a process of its own each, time at several micro-batches), and, where there are samples, how
 * accuracy moves under a few freezings. The model that serves is not touched: all runs in child processes on copies.
 *
 * Throws `cancelled`; `over-budget` when the budget is too small for a profile or the system's memory ran short;
 * `invalid-argument` for a task that makes no sense.
 */
export async function probe(task: ProbeTask, budget: ProbeBudget, options: ProbeOptions): Promise<Profile> {
  checkKnown(task);
  using guard = ProbeGuard.of(budget, options);
  await guard.check();
  const context = new ProbeContext(task, budget, options, guard.signal);
  requireTrainable(context.chain, context.method.loss, task.model.graph.name);
  const findings = new ProbeFindings(context);
  let accuracy: readonly AccuracySample[] = [];
  try {
    if (task.known === undefined) {
      findings.keepTiming(await timed(context));
      await new StepMeasurements(context, findings).run();
    }
    const curves = await measureAccuracy([{ context, costModel: findings.costModel() }]);
    accuracy = curves.map(({ sample }) => sample);
  } catch (error) {
    // What the time was too short for is left out; a cancel and a lack of memory end everything.
    if (guard.reason === undefined) throw error;
  }
  if (guard.reason !== undefined && guard.reason.code !== "timed-out") throw guard.reason;
  if (task.known === undefined && (!findings.isTimed || findings.steps.length < LEAST_STEPS)) {
    const found = `${findings.steps.length} of at least ${LEAST_STEPS} configs were measured`;
    const measured = findings.isTimed ? found : "its units were not timed";
    throw new MpoError(
      "over-budget",
      `${(budget.maxMs / SECOND_MS).toFixed(1)} s is too short to probe ${task.model.graph.name}: ${measured}`,
      { hint: "Give the probe more time (--probe-time) or memory." },
    );
  }
  return validateProfile(findings.profile(accuracy));
}

/** Throws `invalid-argument` for a known profile of something else than the task. */
export function checkKnown({
  known,
  model,
  method,
  effectiveBatch,
}: Pick<ProbeTask, "known" | "model" | "method" | "effectiveBatch">): void {
  if (known === undefined) return;
  const isSame =
    known.model.graphDigest === graphDigest(model.graph) &&
    known.method.loss === method &&
    known.effectiveBatch === effectiveBatch;
  if (isSame) return;
  throw new MpoError(
    "invalid-argument",
    `the known profile is for another model, method or batch; expected ${method}`,
    {
      hint: "Probe without a known profile.",
    },
  );
}

/** The time of each unit at the micro-batches whose steps fit. */
async function timed(context: ProbeContext): Promise<UnitTimingReport> {
  const { task, budget, method, chain, memoryFacts, seed, signal } = context;
  const { effectiveBatch, samples, model } = task;
  const growthAt = (size?: number): number => residentGrowth(timedPlan(chain, size), memoryFacts);
  const microBatches = powersOfTwo(effectiveBatch).filter((size) => context.fits(growthAt(size)));
  if (microBatches.length === 0) {
    throw new MpoError(
      "over-budget",
      `the probe may take ${formatBytes(budget.memoryBytes ?? 0)}; the smallest step that it times takes about ${formatBytes(growthAt())}`,
      { hint: "Give the probe more memory." },
    );
  }
  context.report("units");
  const { loss, optimizer } = method;
  return await timeUnits(
    model,
    {
      training: { loss, optimizer },
      microBatches,
      rounds: TIMING_ROUNDS,
      maxMs: TIMING_SHARE * budget.maxMs,
      seed,
      ...(samples === undefined ? {} : { images: samples.adapted.images }),
    },
    { ...context.process(), ...context.timingCapOf(microBatches), signal },
  );
}
