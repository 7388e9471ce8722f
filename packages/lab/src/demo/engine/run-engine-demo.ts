import { homedir } from "node:os";
import { resolve } from "node:path";
import { type CommandContext, loadModel, requireFitting, samplesOf } from "@mpo/cli";
import {
  formatBytes,
  formatDuration,
  formatPoints,
  formatShare,
  given,
  type MethodName,
  mean,
  SECOND_MS,
} from "@mpo/core";
import { type CorruptionName, fashionMnistFolder, type ImageSet, imageStream, loadFashionMnist } from "@mpo/datasets";
import { EngineWorker, type Model, type RetrainResult, retrain, type Samples } from "@mpo/engine";
import { printTable, withProgress } from "../../harness.ts";
import { bundledModel } from "../../product-files.ts";
import { servedAccuracy } from "../../retrained-accuracy.ts";
import { DEMO_CONFIGURATIONS, type DemoConfiguration } from "./configurations.ts";

export interface EngineDemoOptions {
  readonly weights?: string;
  readonly samples: number;
  readonly epochs: number;
  readonly seed: number;
  readonly threads?: number;
}

/** One of each kind of damage that a camera out in the field meets. */
const CORRUPTIONS: readonly CorruptionName[] = ["gaussian_noise", "fog", "motion_blur"];
const METHODS: readonly MethodName[] = ["tent", "shot"];
const JUDGE_SAMPLES = 500;
const SEVERITY = 5;

/** One drift that the stream brings: its first images to adapt to, the later ones to judge on. */
interface StreamDrift {
  readonly corruption: CorruptionName;
  readonly adapted: Samples;
  readonly judged: Samples;
}

/** What one method gained and cost under one configuration, over all drifts. */
interface DemoRow {
  readonly method: MethodName;
  readonly configuration: string;
  /** Means over the drifts, 0 to 1. */
  readonly accuracyBefore: number;
  readonly accuracyAfter: number;
  readonly plannedBytes: number;
  readonly peakBytes: number;
  /** Of all drifts' steps. */
  readonly seconds: number;
  readonly accepted: number;
  readonly drifts: readonly object[];
}

/**
 * A stream brings three drifts. At each, the model is retrained on the first images, without labels, and judged on the
 * later ones: with Tent and with SHOT, each under several configurations of the same effective batch.
 */
export async function runEngineDemo(options: EngineDemoOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, environment, workingFolder } = context;
  const began = performance.now();
  const weights = options.weights === undefined ? bundledModel("resnet20-bn") : resolve(workingFolder, options.weights);
  const model = await loadModel(weights, signal);
  const test = await loadFashionMnist(fashionMnistFolder(environment, homedir()), "test", { signal });
  requireFitting(model, test, weights);
  terminal.note(
    `A stream of Fashion-MNIST images drifts: ${CORRUPTIONS.join(", ")}, all at severity ${SEVERITY}. At each drift a copy of the ` +
      `model adapts to the first ${options.samples} images, without labels, and is judged on the next ${JUDGE_SAMPLES}.`,
  );
  const drifts = await readDrifts(test, options, signal);
  const rows: DemoRow[] = [];
  const total = METHODS.length * DEMO_CONFIGURATIONS.length * drifts.length;
  await withProgress({ terminal, title: "retraining", total }, async (advance) => {
    for (const method of METHODS) {
      for (const configuration of DEMO_CONFIGURATIONS) {
        const onDrift = (): void => advance(`${method}, ${configuration.name}`);
        const row = await runConfiguration({ model, drifts, method, configuration, options, onDrift }, context);
        rows.push(row);
        terminal.record(row);
      }
    }
  });
  printTable(
    rows,
    [
      ["method", ({ method }) => method],
      ["configuration", ({ configuration }) => configuration],
      ["accuracy before", ({ accuracyBefore }) => formatShare(accuracyBefore)],
      ["after", ({ accuracyAfter }) => formatShare(accuracyAfter)],
      ["points", ({ accuracyBefore, accuracyAfter }) => formatPoints(accuracyAfter - accuracyBefore)],
      ["peak planned", ({ plannedBytes }) => formatBytes(plannedBytes)],
      ["measured", ({ peakBytes }) => formatBytes(peakBytes)],
      ["seconds", ({ seconds }) => seconds.toFixed(1)],
      ["accepted", ({ accepted }) => `${accepted}/${drifts.length}`],
    ],
    terminal,
  );
  terminal.line(
    "Peaks are what a step adds to the idle worker. A model that is judged worse is not accepted: the old one stays.",
  );
  terminal.note(`done in ${formatDuration((performance.now() - began) / SECOND_MS)}`);
}

async function readDrifts(
  source: ImageSet,
  { samples, seed }: EngineDemoOptions,
  signal: AbortSignal,
): Promise<readonly StreamDrift[]> {
  const drifts: StreamDrift[] = [];
  for (const [index, corruption] of CORRUPTIONS.entries()) {
    const read = imageStream({ source, drift: { corruption, severity: SEVERITY }, seed, signal });
    const first = index * (samples + JUDGE_SAMPLES);
    const middle = first + samples;
    const adapted = samplesOf(await read(first, middle));
    drifts.push({ corruption, adapted, judged: samplesOf(await read(middle, middle + JUDGE_SAMPLES)) });
  }
  return drifts;
}

interface ConfigurationRun {
  readonly model: Model;
  readonly drifts: readonly StreamDrift[];
  readonly method: MethodName;
  readonly configuration: DemoConfiguration;
  readonly options: EngineDemoOptions;
  /** A drift's retraining is done. */
  readonly onDrift: () => void;
}

/** All drifts in one fresh worker, so that the first one's measured peak is that of a process of its own. */
async function runConfiguration(
  { model, drifts, method, configuration, options, onDrift }: ConfigurationRun,
  { environment, signal }: CommandContext,
): Promise<DemoRow> {
  const { epochs, seed, threads } = options;
  await using worker = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
  const results: RetrainResult[] = [];
  for (const { adapted, judged } of drifts) {
    const task = { model, samples: adapted, judgedOn: judged, method, config: configuration.config, epochs, seed };
    results.push(await retrain(worker, task, { signal }));
    onDrift();
  }
  const [first] = results as [RetrainResult];
  const outcomes = results.map((result, index) => {
    const { isAccepted, stopped } = result;
    return { corruption: drifts[index]?.corruption, ...servedAccuracy(result), isAccepted, stopped };
  });
  return {
    method,
    configuration: configuration.name,
    accuracyBefore: mean(outcomes.map(({ accuracyBefore }) => accuracyBefore)),
    accuracyAfter: mean(outcomes.map(({ accuracyAfter }) => accuracyAfter)),
    plannedBytes: first.plannedBytes,
    peakBytes: first.peakBytes,
    seconds: results.reduce((sum, { trainingMs }) => sum + trainingMs, 0) / SECOND_MS,
    accepted: outcomes.filter(({ isAccepted }) => isAccepted).length,
    drifts: outcomes,
  };
}
