import { resolve } from "node:path";
import {
  type CommandContext,
  driftedSamples,
  formatDuration,
  loadDataset,
  loadModel,
  type Progress,
  probeHere,
  requireFitting,
  startProgress,
} from "@mpo/cli";
import { given, type MethodName, MpoError, type Profile, plannerOf, SECOND_MS } from "@mpo/core";
import type { CorruptionName, ImageSet } from "@mpo/datasets";
import { chainOf, graphDigest, type Model, methodNamed } from "@mpo/engine";
import { equalAccuracy } from "./equal-accuracy.ts";
import { LabelJudge } from "./label-judge.ts";
import { type MeasuredCell, measureCell } from "./measured-cell.ts";
import { chargedWindowMs } from "./policy-accounting.ts";
import { type ChoiceTask, chooseUnder } from "./policy-choices.ts";
import { describeRun, type PolicyDrift, type PolicyRunTask } from "./policy-run.ts";
import { type PoliciesFound, printPolicies } from "./print-policies.ts";
import { type PolicyIdentity, type PolicyResults, readPolicyResults, writePolicyResults } from "./results-file.ts";
import { RunBook } from "./run-book.ts";

/** The options of `mpo bench policies`. */
export interface BenchPoliciesOptions {
  readonly weights: string;
  readonly task: keyof typeof POLICY_TASKS;
  readonly data?: string;
  readonly corruptions: readonly CorruptionName[];
  readonly severity: number;
  readonly method: MethodName;
  readonly batch: number;
  readonly memory: readonly number[];
  readonly window: readonly number[];
  readonly samples: number;
  readonly judgeSamples: number;
  readonly probeBudget: number;
  readonly seed: number;
  readonly threads?: number;
  readonly output?: string;
  readonly resume: boolean;
}

/** Tasks by name: a data set whose images are corrupted. */
export const POLICY_TASKS = { "fashion-c": "fashion-mnist", "cifar10-c": "cifar10" } as const;

/**
 * Runs every policy under the same limits on the same drifts, each with what the same search chooses by its own rules,
 * and measures accuracy, memory and time. Choices rest on the profile alone, which knows no labels: they are read for the
 * report only. What several policies or limits choose alike runs once.
 */
export async function benchPolicies(options: BenchPoliciesOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, environment, workingFolder } = context;
  const { method, corruptions } = options;
  if (methodNamed(method).needsLabels) {
    throw new MpoError("invalid-argument", `--method ${method} needs labels, which a device has not`, {
      hint: "Choose tent or shot.",
    });
  }
  const weights = resolve(workingFolder, options.weights);
  const model = await loadModel(weights, signal);
  const { test } = await loadDataset(
    { dataset: POLICY_TASKS[options.task], ...given({ data: options.data }) },
    context,
  );
  requireFitting(model, test, weights);
  if (test.labels === undefined) throw new MpoError("invalid-data", `${options.task} has no labels to report by`);
  terminal.note(`damaging ${options.samples + options.judgeSamples} images in ${corruptions.length} ways ...`);
  const drifts = await driftsOf(test, corruptions, options, signal);
  const bench = new PoliciesBench({ options, context, model, drifts });
  await using judge = await LabelJudge.start(model, { environment, ...threadsOf(options) }, signal);
  const results = await bench.begin(judge);
  const task: PolicyRunTask = {
    model,
    method,
    judge,
    seed: options.seed,
    environment,
    signal,
    ...threadsOf(options),
  };
  const found = await bench.measure(task, results);
  printPolicies(found, options, terminal);
}

interface BenchParts {
  readonly options: BenchPoliciesOptions;
  readonly context: CommandContext;
  readonly model: Model;
  readonly drifts: readonly PolicyDrift[];
}

/** One bench under way. */
class PoliciesBench {
  readonly #parts: BenchParts;
  readonly #identity: PolicyIdentity;
  readonly #file: string | undefined;

  constructor(parts: BenchParts) {
    const { options, context, model } = parts;
    this.#parts = parts;
    this.#file = options.output === undefined ? undefined : resolve(context.workingFolder, options.output);
    const { task, severity, method, batch, samples, judgeSamples, seed } = options;
    const digest = graphDigest(model.graph);
    const weights = options.weights;
    this.#identity = { digest, weights, task, severity, method, batch, samples, judgeSamples, seed };
  }

  /** What is known already; else the profile, and the accuracies before anything is trained. */
  async begin(judge: LabelJudge): Promise<PolicyResults> {
    const { options, context, model } = this.#parts;
    const digest = graphDigest(model.graph);
    const known =
      options.resume && this.#file !== undefined
        ? await readPolicyResults(this.#file, this.#identity, digest, context.signal).catch((error: unknown) => {
            if (error instanceof MpoError && error.code === "not-found") return undefined;
            throw error;
          })
        : undefined;
    const profile = known?.profile ?? (await this.#probe());
    context.terminal.record({ event: "probed", spent: profile.spent, curves: profile.accuracy });
    const results = {
      identity: this.#identity,
      profile,
      before: known?.before ?? new Map(),
      outcomes: known?.outcomes ?? [],
    };
    await this.#keep(results);
    return await this.#judgeBefore(results, judge);
  }

  async measure(task: PolicyRunTask, results: PolicyResults): Promise<PoliciesFound> {
    const { options, drifts, model, context } = this.#parts;
    const { profile } = results;
    const planner = plannerOf(profile, chainOf(model.graph));
    const choice: ChoiceTask = {
      planner,
      objective: "accuracy",
      sampleCount: options.samples,
      probeMs: profile.spent.ms,
      windows: drifts.length,
    };
    const choices = options.memory.flatMap((memoryBytes) =>
      options.window.flatMap((windowMs) => chooseUnder(choice, { memoryBytes, windowMs })),
    );
    const distinct = new Set(choices.flatMap(({ runs: [first] }) => (first === undefined ? [] : [first.key])));
    context.terminal.note(
      `${choices.length} choices are ${distinct.size} different retrainings of ${drifts.length} drifts`,
    );
    const progress = startProgress(context.terminal, "retraining", distinct.size * drifts.length);
    try {
      const book = this.#book(task, results, progress);
      const before = drifts.map(({ corruption }) => results.before.get(corruption) as number);
      const cells: MeasuredCell[] = [];
      for (const one of choices) cells.push(await measureCell(one, book, before, context.signal));
      const windowMs = chargedWindowMs(Math.max(...options.window), choice.probeMs, choice.windows);
      const equal = await equalAccuracy({ choice, cells, book, windowMs });
      return { profile, corruptions: drifts.map(({ corruption }) => corruption), before, cells, equal };
    } finally {
      progress.end();
    }
  }

  #book(task: PolicyRunTask, results: PolicyResults, progress: Progress): RunBook {
    let done = 0;
    return new RunBook({
      task,
      drifts: this.#parts.drifts,
      known: results.outcomes,
      keep: (outcomes) => this.#keep({ ...results, outcomes }),
      report: (run, corruption) => progress.update(++done, `${corruption}: ${describeRun(run)}`),
    });
  }

  /** Probed on what the first drift brings, without labels, as a device would. */
  async #probe(): Promise<Profile> {
    const { options, context, model, drifts } = this.#parts;
    const [{ adapted }] = drifts as [PolicyDrift];
    context.terminal.note(`probing for ${formatDuration(options.probeBudget / SECOND_MS)} ...`);
    const unlabelled = { images: adapted.images, count: adapted.count };
    const samples = { adapted: unlabelled, judged: unlabelled };
    const task = { model, method: options.method, effectiveBatch: options.batch, samples };
    return await probeHere(task, { maxMs: options.probeBudget }, options, context);
  }

  async #judgeBefore(results: PolicyResults, judge: LabelJudge): Promise<PolicyResults> {
    const { drifts, model } = this.#parts;
    const missing = drifts.filter(({ corruption }) => !results.before.has(corruption));
    if (missing.length === 0) return results;
    const before = new Map(results.before);
    for (const { corruption, judged } of missing) before.set(corruption, await judge.accuracy(model.weights, judged));
    const judged = { ...results, before };
    await this.#keep(judged);
    return judged;
  }

  async #keep(results: PolicyResults): Promise<void> {
    if (this.#file !== undefined) await writePolicyResults(this.#file, results);
  }
}

async function driftsOf(
  source: ImageSet,
  corruptions: readonly CorruptionName[],
  options: BenchPoliciesOptions,
  signal: AbortSignal,
): Promise<readonly PolicyDrift[]> {
  const drifts: PolicyDrift[] = [];
  for (const corruption of corruptions) {
    drifts.push({ corruption, ...(await driftedSamples(source, { ...options, corruption }, signal)) });
  }
  return drifts;
}

function threadsOf({ threads }: BenchPoliciesOptions): { readonly threads?: number } {
  return threads === undefined ? {} : { threads };
}
