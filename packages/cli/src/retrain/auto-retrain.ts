import { resolve } from "node:path";
import {
  ANY_METHOD,
  describeConfig,
  describeRung,
  endOfWindow,
  formatAccuracy,
  formatBytes,
  formatDuration,
  formatMs,
  given,
  isOutOfMemory,
  type MethodPrediction,
  type MethodWish,
  MpoError,
  methodsOf,
  observe,
  ofMethod,
  type Profile,
  plannersOf,
  runWindow,
  SEARCHED_METHODS,
  SECOND_MS,
  type SearchBudget,
  searchPlanners,
  typical,
  windowOverheadMs,
} from "@mpo/core";
import {
  chainOf,
  ENGINE_VERSION,
  graphDigest,
  type Model,
  type RungResult,
  type RungTraining,
  type Samples,
  STOP_WORDS,
  trainRung,
} from "@mpo/engine";
import { systemClock } from "@mpo/io";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { damageOptions } from "../data/damage-options.ts";
import { driftedSamples } from "../data/drifted-samples.ts";
import { loadTestImages } from "../data/load-dataset.ts";
import { loadModel, sayAssumed } from "../data/load-model.ts";
import { withNormsOf } from "../data/norms-of.ts";
import { accuracyIntervalOf, formatJudged } from "../output/format.ts";
import { type Progress, startProgress } from "../output/progress.ts";
import { type BudgetOptions, budgetFrom } from "../planning/budget.ts";
import { checkModelOutput } from "../planning/check-model-output.ts";
import { deviceFacts } from "../planning/device-facts.ts";
import { probeHere, probeMethodsHere } from "../planning/probe-here.ts";
import { readProfileDocument, writeProfileDocument } from "../planning/profile-document.ts";
import { type RetrainCommandOptions, writeAccepted } from "./run-retrain.ts";

export interface AutoRetrainOptions extends Omit<RetrainCommandOptions, "method">, Omit<BudgetOptions, "window"> {
  readonly method: MethodWish;
  readonly window?: number;
  /** An earlier profile: it is used instead of probing, and what the window shows is written back. */
  readonly profile?: string;
  readonly probeTime?: number;
}

/** Share of the window that a probe may take unless another is given, and how long at most: of one method, or of all. */
const PROBE_SHARE = 1 / 3;
const MOST_PROBE_MS = { one: 20_000, all: 40_000 };

/** One retraining in which everything was chosen: what was expected of it, and what came. */
interface AutoWindow {
  readonly profile: Profile;
  readonly budget: SearchBudget;
  /** What each method would bring, the best first. */
  readonly methods: readonly MethodPrediction[];
  readonly chosen: MethodPrediction;
  readonly retrained: RungResult;
}

/**
 * Probes (or takes a profile), searches the method, where it is left open, and the config that fits memory and what is left
 * of the window, and runs it with its upper bound as the allocator's hard limit; one that breaks it is replaced by the next
 * rung below. Then it reports what was predicted against what was measured, and feeds it back into the profile.
 */
export async function runAutoRetrain(options: AutoRetrainOptions, context: CommandContext): Promise<void> {
  const { workingFolder, signal } = context;
  const began = performance.now();
  if (options.window === undefined) {
    throw new MpoError("invalid-argument", "--auto needs --window", { hint: "Add --window 60s, for instance." });
  }
  const { window, seed, learningRate, output: wanted } = options;
  if (wanted !== undefined) await checkModelOutput(wanted, { workingFolder, ...options });
  const weights = resolve(workingFolder, options.weights);
  const loaded = await loadModel(weights, signal, options);
  sayAssumed(loaded, context);
  const test = await loadTestImages(options, loaded, weights, context);
  const damage = await damageOptions([options.corruption], options, context);
  const { adapted, adaptedClean, judged } = await driftedSamples(test, options, damage);
  const model = await withNormsOf(loaded, options.method, adaptedClean, context);
  const endMs = performance.now() + window;
  const profile = await profileFor(options, { model, adapted }, window, context);
  const leftMs = endMs - performance.now();
  if (leftMs <= 0) throw new MpoError("over-budget", "probing took the whole window", { hint: "Give it more time." });
  const budget = budgetFrom({ ...options, window: leftMs }, profile);
  const overheadMs = windowOverheadMs(profile, leftMs);
  const planners = plannersOf(profile, chainOf(model.graph));
  const allowed = options.method === ANY_METHOD ? undefined : [options.method];
  const { ladder, methods } = searchPlanners(planners, budget, { ...options, overheadMs, methods: allowed });
  const task = { model, samples: adapted, judgedOn: judged, reference: adaptedClean, seed, ...given({ learningRate }) };
  const run = await runWindow(
    { rungs: ladder, windowMs: endMs - performance.now() },
    {
      clock: systemClock,
      freeBytes: () => budget.memoryBytes,
      train: (rung, limits) => trainShown({ ...task, rung, method: rung.method, ...limits }, options, context),
    },
    signal,
  );
  signal.throwIfAborted();
  for (const { rung, ended } of run.tries) {
    if (!("error" in ended) || !isOutOfMemory(ended.error)) continue;
    context.terminal.note(`over its bound of ${formatBytes(rung.memoryBytes.upper)}: ${describeRung(rung)}`);
  }
  const { rung: chosen, result: retrained } = endOfWindow(run);
  const output = await writeAccepted({ ...options, method: chosen.method }, retrained, model, context);
  await feedBack(options, model, profile, { ...retrained, method: chosen.method }, context);
  print(options, { profile, budget, methods, chosen, retrained }, output, performance.now() - began, context);
}

interface ProbedTask {
  readonly model: Model;
  readonly adapted: Samples;
}

/** What is known of the method, or of each that may be chosen. */
async function profileFor(
  options: AutoRetrainOptions,
  { model, adapted }: ProbedTask,
  windowMs: number,
  context: Files & Output & Stop,
): Promise<Profile> {
  const { method } = options;
  if (options.profile !== undefined) {
    const expected = {
      graphDigest: graphDigest(model.graph),
      deviceClass: deviceFacts().class,
      engine: ENGINE_VERSION,
    };
    const { profile } = await readProfileDocument(options.profile, context, expected);
    if (method === ANY_METHOD && methodsOf(profile).length > 1) return profile;
    const own = method === ANY_METHOD ? undefined : ofMethod(profile, method);
    if (own !== undefined) return own;
    throw new MpoError(
      "precondition-failed",
      `${options.profile} was probed for ${methodsOf(profile).join(", ")}, not ${method}`,
      {
        hint: "Probe again with that method, or leave --profile out.",
      },
    );
  }
  const maxMs =
    options.probeTime ?? Math.min(MOST_PROBE_MS[method === ANY_METHOD ? "all" : "one"], PROBE_SHARE * windowMs);
  context.terminal.note(`probing for ${formatDuration(maxMs / SECOND_MS)} ...`);
  // What a device has: recent inputs, without labels.
  const samples = { adapted, judged: { images: adapted.images, count: adapted.count } };
  const task = { model, effectiveBatch: options.batch, samples };
  const budget = { maxMs, ...given({ memoryBytes: options.memory }) };
  if (method === ANY_METHOD) {
    return await probeMethodsHere({ ...task, methods: SEARCHED_METHODS }, budget, options, context);
  }
  return await probeHere({ ...task, method }, budget, options, context);
}

/** Trains a rung under a bar. */
async function trainShown(
  training: RungTraining,
  { threads }: AutoRetrainOptions,
  { terminal, environment, signal }: Files & Output & Stop,
): Promise<RungResult> {
  terminal.note(`running ${describeRung(training.rung)}`);
  let progress: Progress | undefined;
  try {
    return await trainRung(training, {
      ...{ environment, signal, ...given({ threads }) },
      onProgress: ({ step, loss }, steps) => {
        progress ??= startProgress(terminal, "retraining", steps);
        progress.update(step, `loss ${loss.toFixed(3)}`);
      },
    });
  } finally {
    progress?.end();
  }
}

/** The profile's file learns what the window's steps were seen to take. */
async function feedBack(
  { profile: path }: AutoRetrainOptions,
  { graph }: Model,
  profile: Profile,
  { config, plannedBytes, peakBytes, stepMs, overheadMs, method }: RungResult & Pick<MethodPrediction, "method">,
  context: Files & Output & Stop,
): Promise<void> {
  if (path === undefined || stepMs.length === 0) return;
  const window = { config, plannedBytes, peakBytes, stepMs, overheadMs, method };
  await writeProfileDocument(path, { profile: observe(profile, window), graph }, context);
}

function print(
  options: AutoRetrainOptions,
  { profile, budget, methods, chosen, retrained }: AutoWindow,
  output: string | undefined,
  totalMs: number,
  { terminal }: Output,
): void {
  const { weights: _, epochs, ...measured } = retrained;
  const { stepMs, overheadMs } = measured;
  const { corruption, severity } = options;
  const { method, ...predicted } = chosen;
  terminal.record({
    event: "retrained",
    method,
    methods: Object.fromEntries(methods.map(({ method: each, ...prediction }) => [each, prediction])),
    corruption,
    severity,
    epochs,
    budget,
    predicted,
    measured: { ...measured, ...accuracyIntervalOf(retrained) },
    probe: options.profile === undefined ? profile.spent : null,
    totalMs,
    output: output ?? null,
  });
  terminal.line(`${retrained.isAccepted ? "accepted" : "rejected"}: ${retrained.reason}`);
  if (methods.length > 1) {
    const brings = methods.map((each) => `${each.method} ${formatAccuracy(each.accuracy)}`);
    terminal.line(`method: ${method}; predicted accuracy of each: ${brings.join(", ")}`);
  }
  terminal.line(`config: ${describeConfig(chosen.config)}; ${retrained.steps} steps, ${STOP_WORDS[retrained.stopped]}`);
  terminal.line(
    `memory: predicted ${formatBytes(chosen.memoryBytes.expected)}, at most ${formatBytes(chosen.memoryBytes.upper)}; ` +
      `measured ${formatBytes(retrained.peakBytes)}`,
  );
  terminal.line(
    `time of a step: predicted ${chosen.stepMs.expected.toFixed(0)} ms, at most ${chosen.stepMs.upper.toFixed(0)} ms; ` +
      `measured ${stepMs.length === 0 ? "-" : `${typical(stepMs).toFixed(0)} ms`}`,
  );
  const after = retrained.accuracyAfter;
  terminal.line(
    `accuracy: predicted ${formatAccuracy(chosen.accuracy)}; ` +
      `measured ${after === undefined ? "-" : formatJudged(after, retrained)}`,
  );
  terminal.line(
    `time outside its steps: predicted ${formatMs(chosen.overheadMs)}; measured ${formatMs(overheadMs)}; ` +
      `all in ${formatDuration(totalMs / SECOND_MS)}`,
  );
  if (output !== undefined) terminal.line(`the retrained model is in ${output}`);
}
