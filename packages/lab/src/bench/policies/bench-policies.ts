import { resolve } from "node:path";
import {
  type CommandContext,
  checkOutput,
  damageOptions,
  driftedSamples,
  type ForceOption,
  type FrostOptions,
  loadModel,
  loadTestImages,
  probeHere,
} from "@mpo/cli";
import { formatDuration, given, type MethodName, MpoError, type Profile, plannerOf, SECOND_MS } from "@mpo/core";
import type { CorruptionName } from "@mpo/datasets";
import { chainOf, EngineWorker, graphDigest, type Model, methodNamed } from "@mpo/engine";
import { ifFound } from "@mpo/io";
import { withProgress } from "../../harness.ts";
import { accuracyWith } from "../../retrained-accuracy.ts";
import { equalAccuracy } from "./equal-accuracy.ts";
import { type MeasuredCell, measureCell } from "./measured-cell.ts";
import { chargedWindowMs } from "./policy-accounting.ts";
import { type ChoiceTask, chooseUnder } from "./policy-choices.ts";
import { describeRun, type PolicyDrift, type PolicyRun, type PolicyRunTask } from "./policy-run.ts";
import { printPolicies } from "./print-policies.ts";
import { readPolicyResults, writePolicyResults } from "./results-file.ts";

/** The options of `mpo bench policies`. */
export interface BenchPoliciesOptions extends FrostOptions, ForceOption {
  readonly weights: string;
  readonly dataset: (typeof POLICY_DATASETS)[number];
  readonly data?: string;
  readonly corruptions: readonly CorruptionName[];
  readonly severity: number;
  readonly method: MethodName;
  readonly batch: number;
  readonly memory: readonly number[];
  readonly window: readonly number[];
  readonly samples: number;
  readonly judgeSamples: number;
  readonly probeTime: number;
  readonly seed: number;
  readonly threads?: number;
  readonly output?: string;
  readonly resume: boolean;
}

/** Data sets that come with labelled test images. */
export const POLICY_DATASETS = ["fashion-mnist", "cifar10"] as const;

/**
 * Runs every policy under the same limits on the same drifts, each with what the same search chooses by its own rules,
 * and measures accuracy, memory and time. Choices rest on the profile alone, which knows no labels: they are read for the
 * report only. What several policies or limits choose alike runs once.
 */
export async function benchPolicies(options: BenchPoliciesOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, environment, workingFolder } = context;
  const { method, seed, samples, batch, threads } = options;
  if (methodNamed(method).needsLabels) {
    throw new MpoError("invalid-argument", `--method ${method} needs labels, which a device does not have`, {
      hint: "Choose tent or shot.",
    });
  }
  if (options.output !== undefined) {
    await checkOutput("--output", options.output, { workingFolder, force: options.force || options.resume });
  }
  const path = resolve(workingFolder, options.weights);
  const model = await loadModel(path, signal);
  const drifts = await driftsOf(model, path, options, context);
  await using judge = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
  await judge.load(model, { signal });

  const file = options.output === undefined ? undefined : resolve(workingFolder, options.output);
  const { weights, dataset, severity, judgeSamples, frostPictures: frost = "drawn" } = options;
  const digest = graphDigest(model.graph);
  const identity = { digest, weights, dataset, severity, method, batch, samples, judgeSamples, seed, frost };
  const known =
    options.resume && file !== undefined ? await ifFound(readPolicyResults(file, identity, digest, signal)) : undefined;
  const profile = known?.profile ?? (await probeOn(drifts[0] as PolicyDrift, model, options, context));
  terminal.record({ event: "probed", spent: profile.spent, curves: profile.accuracy });
  const { before, outcomes } = known ?? { before: new Map<string, number>(), outcomes: [] };
  const keep = async (): Promise<void> => {
    if (file !== undefined) await writePolicyResults(file, { identity, profile, before, outcomes });
  };
  await keep();
  for (const { corruption, judged } of drifts) {
    if (!before.has(corruption)) before.set(corruption, await accuracyWith(judge, model.weights, judged, signal));
  }
  await keep();

  const choice: ChoiceTask = {
    planner: plannerOf(profile, chainOf(model.graph)),
    objective: "accuracy",
    sampleCount: samples,
    probeMs: profile.spent.ms,
    windows: drifts.length,
  };
  const choices = options.memory.flatMap((memoryBytes) =>
    options.window.flatMap((windowMs) => chooseUnder(choice, { memoryBytes, windowMs })),
  );
  const distinct = new Set(choices.flatMap(({ runs: [first] }) => (first === undefined ? [] : [first.key])));
  terminal.note(`${choices.length} choices are ${distinct.size} different retrainings of ${drifts.length} drifts`);
  const total = distinct.size * drifts.length;
  const found = await withProgress({ terminal, title: "retraining", total }, async (advance) => {
    const onOutcome = async (run: PolicyRun, corruption: string): Promise<void> => {
      advance(`${corruption}: ${describeRun(run)}`);
      await keep();
    };
    const shared = { model, method, drifts, judge, seed, environment, signal, ...given({ threads }) };
    const task: PolicyRunTask = { ...shared, outcomes, onOutcome };
    const accuracies = drifts.map(({ corruption }) => before.get(corruption) as number);
    const cells: MeasuredCell[] = [];
    for (const one of choices) cells.push(await measureCell(one, task, accuracies));
    const windowMs = chargedWindowMs(Math.max(...options.window), choice.probeMs, choice.windows);
    const equal = await equalAccuracy(cells, choice, task, windowMs);
    const corruptions = drifts.map(({ corruption }) => corruption);
    return { profile, corruptions, before: accuracies, cells, equal };
  });
  printPolicies(found, options, terminal);
}

/** Probes on what the first drift brings, without labels, as a device would. */
async function probeOn(
  { adapted: { images, count } }: PolicyDrift,
  model: Model,
  options: BenchPoliciesOptions,
  context: CommandContext,
): Promise<Profile> {
  context.terminal.note(`probing for ${formatDuration(options.probeTime / SECOND_MS)} ...`);
  const samples = { adapted: { images, count }, judged: { images, count } };
  const task = { model, method: options.method, effectiveBatch: options.batch, samples };
  return await probeHere(task, { maxMs: options.probeTime }, options, context);
}

async function driftsOf(
  model: Model,
  path: string,
  options: BenchPoliciesOptions,
  context: CommandContext,
): Promise<readonly PolicyDrift[]> {
  const { dataset, data, samples, judgeSamples, corruptions } = options;
  const test = await loadTestImages({ dataset, ...given({ data }) }, model, path, context);
  if (test.labels === undefined) throw new MpoError("invalid-data", `${dataset} has no labels to report by`);
  const damage = await damageOptions(corruptions, options, context);
  context.terminal.note(`damaging ${samples + judgeSamples} images in ${corruptions.length} ways ...`);
  const drifts: PolicyDrift[] = [];
  for (const corruption of corruptions) {
    drifts.push({ corruption, ...(await driftedSamples(test, { ...options, corruption }, damage)) });
  }
  return drifts;
}
