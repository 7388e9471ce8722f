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
import { type MeasuredCell, measureCell, measurePublished } from "./measured-cell.ts";
import type { Limits } from "./policy-accounting.ts";
import { type ChoiceTask, chooseUnder } from "./policy-choices.ts";
import { describeRun, type PolicyDrift, type PolicyRun, type PolicyRunTask } from "./policy-run.ts";
import { type PoliciesFound, printPolicies } from "./print-policies.ts";
import { publishedUnder } from "./published-choices.ts";
import { type MethodResults, type PolicyResults, readPolicyResults, writePolicyResults } from "./results-file.ts";

/** The options of `mpo bench policies`. */
export interface BenchPoliciesOptions extends FrostOptions, ForceOption {
  readonly weights: string;
  readonly dataset: (typeof POLICY_DATASETS)[number];
  readonly data?: string;
  readonly corruptions: readonly CorruptionName[];
  readonly severity: number;
  readonly method: readonly MethodName[];
  readonly batch: number;
  readonly memory: readonly number[];
  readonly window: readonly number[];
  readonly samples: number;
  readonly judgeSamples: number;
  readonly probeTime: number;
  readonly windowsPerProbe?: number;
  readonly seed: number;
  readonly threads?: number;
  readonly output?: string;
  readonly resume: boolean;
}

/** Data sets that come with labelled test images. */
export const POLICY_DATASETS = ["fashion-mnist", "cifar10"] as const;

/**
 * Runs every contender under the same limits on the same drifts: the policies, each with what the same search chooses by its
 * own rules, and baselines by their published rules. Measures accuracy, memory and time. Choices rest on the profile alone,
 * which knows no labels: they are read for the report only. What several contenders or limits choose alike runs once.
 */
export async function benchPolicies(options: BenchPoliciesOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, environment, workingFolder } = context;
  const { seed, samples, batch, threads } = options;
  const labelled = options.method.find((method) => methodNamed(method).needsLabels);
  if (labelled !== undefined) {
    throw new MpoError("invalid-argument", `--method ${labelled} needs labels, which a device does not have`, {
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
  const identity = { digest, weights, dataset, severity, batch, samples, judgeSamples, seed, frost };
  const known =
    options.resume && file !== undefined ? await ifFound(readPolicyResults(file, identity, digest, signal)) : undefined;
  const results: PolicyResults = known ?? { identity, before: new Map(), methods: new Map() };
  const { before } = results;
  const keep = async (): Promise<void> => {
    if (file !== undefined) await writePolicyResults(file, results);
  };
  for (const { corruption, judged } of drifts) {
    if (!before.has(corruption)) before.set(corruption, await accuracyWith(judge, model.weights, judged, signal));
  }
  await keep();
  for (const method of options.method) {
    const own = results.methods.get(method) ?? {
      profile: await probeOn(drifts[0]!, model, method, options, context),
      outcomes: [],
    };
    results.methods.set(method, own);
    await keep();
    terminal.record({ event: "probed", method, spent: own.profile.spent, curves: own.profile.accuracy });
    const found = await runMethod({ method, ...own, before }, { model, drifts, judge, keep }, options, context);
    printPolicies(found, { ...options, method }, terminal);
  }
}

interface BenchedModel extends Pick<PolicyRunTask, "model" | "drifts" | "judge"> {
  readonly keep: () => Promise<void>;
}

type BenchedMethod = Pick<PolicyRunTask, "method"> & MethodResults & Pick<PolicyResults, "before">;

/** Runs what every contender chooses for one method, but what has run already. */
async function runMethod(
  { method, profile, outcomes, before }: BenchedMethod,
  { model, drifts, judge, keep }: BenchedModel,
  options: BenchPoliciesOptions,
  { terminal, environment, signal }: CommandContext,
): Promise<PoliciesFound> {
  const choice: ChoiceTask = {
    method,
    planner: plannerOf(profile, chainOf(model.graph)),
    objective: "accuracy",
    sampleCount: options.samples,
    probeMs: profile.spent.ms,
    windows: options.windowsPerProbe ?? drifts.length,
  };
  const pairs = options.memory.flatMap((memoryBytes) =>
    options.window.map((windowMs): Limits => ({ memoryBytes, windowMs })),
  );
  const published = pairs.flatMap((limits) => publishedUnder(choice, limits));
  const searched = pairs.flatMap((limits) => chooseUnder(choice, limits));
  const distinct = new Set([
    ...searched.flatMap(({ runs: [first] }) => (first === undefined ? [] : [first.key])),
    ...published.flatMap(({ attempts: [first = []] }) => first.map(({ key }) => key)),
  ]);
  const choices = searched.length + published.length;
  terminal.note(`${method}: ${choices} choices are ${distinct.size} different retrainings of ${drifts.length} drifts`);
  const total = distinct.size * drifts.length;
  return await withProgress({ terminal, title: "retraining", total }, async (advance) => {
    const onOutcome = async (run: PolicyRun, corruption: string): Promise<void> => {
      advance(`${corruption}: ${describeRun(run)}`);
      await keep();
    };
    const { seed, threads } = options;
    const shared = { model, method, drifts, judge, seed, environment, signal, ...given({ threads }) };
    const task: PolicyRunTask = { ...shared, outcomes, onOutcome };
    const accuracies = drifts.map(({ corruption }) => before.get(corruption) as number);
    const cells: MeasuredCell[] = [];
    for (const one of published) cells.push(await measurePublished(one, task, accuracies));
    for (const one of searched) cells.push(await measureCell(one, task, accuracies));
    const equal = await equalAccuracy(cells, choice, task);
    const corruptions = drifts.map(({ corruption }) => corruption);
    return { profile, windows: choice.windows, corruptions, before: accuracies, cells, equal };
  });
}

/** Probes on what the first drift brings, without labels, as a device would. */
async function probeOn(
  { adapted: { images, count } }: PolicyDrift,
  model: Model,
  method: MethodName,
  options: BenchPoliciesOptions,
  context: CommandContext,
): Promise<Profile> {
  context.terminal.note(`probing ${method} for ${formatDuration(options.probeTime / SECOND_MS)} ...`);
  const samples = { adapted: { images, count }, judged: { images, count } };
  const task = { model, method, effectiveBatch: options.batch, samples };
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
