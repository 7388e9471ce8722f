import { resolve } from "node:path";
import {
  describeConfig,
  given,
  MpoError,
  observe,
  type Prediction,
  type Profile,
  plannerOf,
  SECOND_MS,
  type SearchResult,
} from "@mpo/core";
import {
  chainOf,
  ENGINE_VERSION,
  EngineWorker,
  graphDigest,
  type LossName,
  type Model,
  poolCapFor,
  type RetrainResult,
  retrain,
  type Samples,
} from "@mpo/engine";
import type { Files, Output, Stop } from "../command-context.ts";
import { driftedSamples } from "../data/drifted-samples.ts";
import { loadDataset } from "../data/load-dataset.ts";
import { loadModel, requireFitting } from "../data/load-model.ts";
import { formatBytes, formatDuration, formatShare } from "../output/format.ts";
import { startProgress } from "../output/progress.ts";
import { type BudgetOptions, budgetFrom } from "../planning/budget.ts";
import { deviceFacts } from "../planning/device-facts.ts";
import { probeHere } from "../planning/probe-here.ts";
import { readProfileDocument, writeProfileDocument } from "../planning/profile-document.ts";
import { type RetrainCommandOptions, writeAccepted } from "./run-retrain.ts";
import { windowLength } from "./window-length.ts";

/** The options of `mpo retrain --auto`. */
export interface AutoRetrainOptions extends RetrainCommandOptions, Omit<BudgetOptions, "window"> {
  readonly window?: number;
  /** An earlier profile: it is used instead of probing, and what the window shows is written back. */
  readonly profile?: string;
  readonly probeBudget?: number;
}

/** Share of the window that a probe may take unless told otherwise, and how long at most. */
const PROBE_SHARE = 1 / 3;
const MOST_PROBE_MS = 20_000;
/** Share of what is left for loading, judging and writing. */
const OVERHEAD_SHARE = 0.15;

/** One retraining in which everything was chosen: what was expected of it, and what came. */
interface AutoWindow {
  readonly profile: Profile;
  readonly result: SearchResult;
  readonly chosen: Prediction;
  readonly epochs: number;
  readonly retrained: RetrainResult;
}

/**
 * Probes (or takes a profile), searches what fits memory and what is left of the window, and runs the chosen config with
 * its upper bound as the allocator's hard limit; one that breaks it is replaced by the next rung below. Then it reports
 * what was predicted against what was measured, and feeds it back into the profile.
 */
export async function runAutoRetrain(options: AutoRetrainOptions, context: Files & Output & Stop): Promise<void> {
  const { workingFolder, signal } = context;
  const began = performance.now();
  if (options.window === undefined) {
    throw new MpoError("invalid-argument", "--auto needs --window", { hint: "Add --window 60s, for instance." });
  }
  const { method } = options;
  const weights = resolve(workingFolder, options.weights);
  const model = await loadModel(weights, signal);
  const { test } = await loadDataset(options, context);
  requireFitting(model, test, weights);
  const { adapted, judged } = await driftedSamples(test, options, signal);
  const windowFrom = performance.now();
  const task = { model, method, adapted };
  const profile = await profileFor(options, task, options.window, context);
  const leftMs = options.window - (performance.now() - windowFrom);
  if (leftMs <= 0) throw new MpoError("over-budget", "probing took the whole window", { hint: "Give it more time." });
  const budget = budgetFrom({ ...options, window: (1 - OVERHEAD_SHARE) * leftMs }, profile);
  const result = plannerOf(profile, chainOf(model.graph)).search(budget, options);
  const done = await runLadder({ options, model, method, adapted, judged, profile, result, context });
  const output = await writeAccepted(options, done.retrained, model.graph, context);
  await feedBack(options, model, profile, done.retrained, context);
  print(options, { profile, result, ...done }, output, performance.now() - began, context);
}

interface ProbedTask {
  readonly model: Model;
  readonly method: LossName;
  readonly adapted: Samples;
}

async function profileFor(
  options: AutoRetrainOptions,
  { model, method, adapted }: ProbedTask,
  windowMs: number,
  context: Files & Output & Stop,
): Promise<Profile> {
  if (options.profile !== undefined) {
    const expected = {
      modelDigest: graphDigest(model.graph),
      deviceClass: deviceFacts().class,
      engine: ENGINE_VERSION,
    };
    const { profile } = await readProfileDocument(options.profile, context, expected);
    if (profile.method.loss === method) return profile;
    throw new MpoError(
      "precondition-failed",
      `${options.profile} was probed for ${profile.method.loss}, not ${method}`,
      {
        hint: "Probe again with that method, or leave --profile out.",
      },
    );
  }
  const maxMs = options.probeBudget ?? Math.min(MOST_PROBE_MS, PROBE_SHARE * windowMs);
  context.terminal.note(`probing for ${formatDuration(maxMs / SECOND_MS)} ...`);
  // What a device has: recent inputs, without labels.
  const samples = { adapted, judged: { images: adapted.images, count: adapted.count } };
  const task = { model, method, effectiveBatch: options.batch, samples };
  return await probeHere(task, { maxMs, ...given({ memoryBytes: options.memory }) }, options, context);
}

interface LadderRun extends ProbedTask {
  readonly options: AutoRetrainOptions;
  readonly judged: Samples;
  readonly profile: Profile;
  readonly result: SearchResult;
  readonly context: Files & Output & Stop;
}

/** Runs the highest rung that keeps its own bound. */
async function runLadder(run: LadderRun): Promise<Pick<AutoWindow, "chosen" | "epochs" | "retrained">> {
  const { result, context } = run;
  let failed: unknown;
  for (const chosen of [...result.ladder].reverse()) {
    try {
      return await runRung(run, chosen);
    } catch (error) {
      if (!(error instanceof MpoError && error.code === "over-memory-cap")) throw error;
      failed = error;
      context.terminal.note(
        `over its bound of ${formatBytes(chosen.memoryBytes.upper)}: ${describeConfig(chosen.config)}`,
      );
    }
  }
  throw failed;
}

async function runRung(
  { options, model, method, adapted, judged, profile, context }: LadderRun,
  chosen: Prediction,
): Promise<Pick<AutoWindow, "chosen" | "epochs" | "retrained">> {
  const { terminal, environment, signal } = context;
  const { config, memoryBytes } = chosen;
  terminal.note(`running ${describeConfig(config)}`);
  const { count, epochs, steps } = windowLength(chosen, adapted.count);
  await using worker = await EngineWorker.start(
    {
      environment,
      memoryCapBytes: poolCapFor(model.graph, config, profile.memoryFacts, memoryBytes.upper),
      ...given({ threads: options.threads }),
    },
    { signal },
  );
  const progress = startProgress(terminal, "retraining", steps);
  try {
    const rate = given({ learningRate: options.learningRate });
    const samples = {
      ...adapted,
      images: adapted.images.subarray(0, (adapted.images.length / adapted.count) * count),
      count,
    };
    const labels = adapted.labels?.subarray(0, count);
    const task = { model, judgedOn: judged, method, config, epochs, seed: options.seed, ...rate };
    const retrained = await retrain(
      worker,
      { ...task, samples: labels === undefined ? samples : { ...samples, labels } },
      { signal, onProgress: ({ step, loss }) => progress.update(step, `loss ${loss.toFixed(3)}`) },
    );
    return { chosen, epochs, retrained };
  } finally {
    progress.end();
  }
}

/** The profile's file learns what the window was seen to take. */
async function feedBack(
  { profile: path }: AutoRetrainOptions,
  { graph }: Model,
  profile: Profile,
  { config, plannedPeakBytes, measuredPeakBytes, seconds, steps }: RetrainResult,
  context: Files & Output & Stop,
): Promise<void> {
  if (path === undefined || steps === 0) return;
  const msPerStep = [(SECOND_MS * seconds) / steps];
  const window = { config, plannedPeakBytes, peakBytes: measuredPeakBytes, msPerStep };
  await writeProfileDocument(path, { profile: observe(profile, window), graph }, context);
}

function print(
  options: AutoRetrainOptions,
  { profile, result, chosen, epochs, retrained }: AutoWindow,
  output: string | undefined,
  totalMs: number,
  { terminal }: Output,
): void {
  const { weights: _, ...facts } = retrained;
  const stepMs = (SECOND_MS * retrained.seconds) / Math.max(1, retrained.steps);
  const { method, corruption, severity } = options;
  terminal.record({
    event: "retrained",
    method,
    corruption,
    severity,
    epochs,
    budget: result.budget,
    predicted: chosen,
    measured: { ...facts, stepMs },
    probe: options.profile === undefined ? profile.spent : null,
    totalMs,
    output: output ?? null,
  });
  terminal.line(`${retrained.isAccepted ? "accepted" : "rejected"}: ${retrained.reason}`);
  terminal.line(`config: ${describeConfig(chosen.config)}; ${retrained.steps} steps (${retrained.stopped})`);
  terminal.line(
    `memory: predicted ${formatBytes(chosen.memoryBytes.expected)}, at most ${formatBytes(chosen.memoryBytes.upper)}; ` +
      `measured ${formatBytes(retrained.measuredPeakBytes)}`,
  );
  terminal.line(
    `time of a step: predicted ${chosen.stepMs.expected.toFixed(0)} ms, at most ${chosen.stepMs.upper.toFixed(0)} ms; ` +
      `measured ${stepMs.toFixed(0)} ms`,
  );
  const after = retrained.accuracyAfter;
  terminal.line(
    `accuracy: predicted ${formatShare(chosen.accuracy.expected)}; measured ${after === undefined ? "-" : formatShare(after)}`,
  );
  terminal.line(`all in ${formatDuration(totalMs / SECOND_MS)}`);
  if (output !== undefined) terminal.line(`the retrained model is in ${output}`);
}
