import { homedir } from "node:os";
import { resolve } from "node:path";
import {
  type CommandContext,
  driftedSamples,
  fitClasses,
  type InputOptions,
  loadModel,
  requireFitting,
  samplesOf,
} from "@mpo/cli";
import {
  formatBytes,
  formatMs,
  formatShare,
  given,
  type MethodName,
  MpoError,
  mean,
  resolveRetrainConfig,
} from "@mpo/core";
import { digitsFolder, type ImageSet, readClassNames } from "@mpo/datasets";
import { EngineWorker, evaluateAccuracy, headOf, type Model, pictureFormOf, retrain } from "@mpo/engine";
import { printTable, withProgress } from "../../harness.ts";
import { servedAccuracy } from "../../retrained-accuracy.ts";
import { atMost, type DomainForm, type Domains, domainsIn } from "./domains.ts";
import { type SourceTraining, trainSource, type WorkerOptions } from "./train-source.ts";

export interface BenchTasksOptions
  extends Omit<SourceTraining, "epochs" | "batch" | "seed">,
    Pick<InputOptions, "inputFit" | "inputFilter"> {
  readonly data?: string;
  readonly tasks: readonly Task[];
  readonly weights?: string;
  readonly imageSize?: number;
  readonly sourceLimit?: number;
  readonly sourceEpochs: number;
  readonly sourceBatch: number;
  readonly methods: readonly MethodName[];
  readonly samples: number;
  readonly judgeSamples: number;
  readonly epochs: number;
  readonly batch: number;
  readonly seeds: readonly number[];
  readonly threads?: number;
}

/** A model learns one domain and meets another. */
export interface Task {
  readonly source: string;
  readonly target: string;
}

/** What serves on the target, and what its training cost; without a method, the source's model as it is. */
interface Row {
  readonly task: string;
  readonly method: MethodName | "source only" | "on its source";
  readonly seed: number;
  /** Share of images, 0 to 1, that are named rightly. */
  readonly accuracy: number;
  readonly peakBytes?: number;
  readonly trainingMs?: number;
}

/** A model with the names of its classes. */
interface Source {
  readonly model: Model;
  readonly classNames: readonly string[] | undefined;
  /** On test images of its own domain; absent: it came from a file. */
  readonly accuracy: number | undefined;
}

/**
 * The paper's tasks: a model that was trained on one domain is retrained on another, with each method, from the same
 * weights every time. Judged on other images of the target, by their labels, is what would serve: the old weights where
 * the new ones are rejected.
 */
export async function benchTasks(options: BenchTasksOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, environment, workingFolder } = context;
  const { tasks, methods, seeds, threads } = options;
  const root = options.data === undefined ? digitsFolder(environment, homedir()) : resolve(workingFolder, options.data);
  const domains = domainsIn(root, { signal, note: terminal.note });
  const workers: WorkerOptions = { environment, signal, ...given({ threads }) };
  const sources = sourcesOf(options, context, domains, workers);
  const targets = targetsOf(domains);
  const rows: Row[] = [];
  const total = tasks.length * seeds.length * (methods.length + 1);
  await withProgress({ terminal, title: "tasks", total }, async (advance) => {
    const put = (row: Row): void => {
      rows.push(row);
      terminal.record(row);
    };
    for (const seed of seeds) {
      for (const { source: name, target } of tasks) {
        const task = `${name}:${target}`;
        const source = await sources(name, seed);
        const images = await targets(target, source, formFor(source.model, options));
        if (source.accuracy !== undefined) put({ task, seed, method: "on its source", accuracy: source.accuracy });
        const { adapted, judged } = await drawn(images, seed, options, signal);
        put({ task, seed, method: "source only", accuracy: await accuracyOn(source.model, judged, workers) });
        advance(`${task} source only`);
        for (const method of methods) {
          await using worker = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
          const config = resolveRetrainConfig({ microBatch: Math.min(options.batch, adapted.count) });
          const { model } = source;
          const work = { model, samples: adapted, judgedOn: judged, method, config, epochs: options.epochs, seed };
          const result = await retrain(worker, work, { signal });
          const { accuracyAfter: accuracy } = servedAccuracy(result);
          put({ task, seed, method, accuracy, peakBytes: result.peakBytes, trainingMs: result.trainingMs });
          advance(`${task} ${method}`);
        }
      }
    }
  });
  printRows(rows, options, context);
}

/** Gives the model of a source and a seed, which is read, or trained once. */
function sourcesOf(
  options: BenchTasksOptions,
  { terminal, workingFolder, signal }: CommandContext,
  domains: Domains,
  workers: WorkerOptions,
): (name: string, seed: number) => Promise<Source> {
  const known = new Map<string, Source>();
  const { weights, imageSize, inputFit: fit, inputFilter: filter } = options;
  const trained = async (name: string, seed: number): Promise<Source> => {
    const size = imageSize === undefined ? {} : { height: imageSize, width: imageSize };
    const form: DomainForm = { ...size, ...given({ fit, filter }) };
    const train = atMost(await domains.load(name, "train", form), options.sourceLimit);
    const test = await domains.load(name, "test", form);
    const { model: zoo, norm, sourceEpochs: epochs, sourceBatch: batch } = options;
    const model = await trainSource(train, { model: zoo, norm, epochs, batch, seed }, workers, (epoch) =>
      terminal.note(`${name}, seed ${seed}: epoch ${epoch}/${epochs}`),
    );
    const accuracy = await accuracyOn(model, samplesOf(test), workers);
    return { model, classNames: train.classNames, accuracy };
  };
  return async (name, seed) => {
    const key = weights ?? `${name} ${seed}`;
    let source = known.get(key);
    if (source === undefined && weights !== undefined) {
      const path = resolve(workingFolder, weights);
      const model = await loadModel(path, signal, options);
      source = { model, classNames: await readClassNames(path, { signal }), accuracy: undefined };
    }
    source ??= await trained(name, seed);
    known.set(key, source);
    return source;
  };
}

/** What images of any domain are brought to for a model. */
function formFor({ graph }: Model, { inputFit, inputFilter }: BenchTasksOptions): DomainForm {
  const form = pictureFormOf(graph);
  if (form === undefined) throw new MpoError("invalid-argument", `${graph.name} takes no images`);
  const { height, width, channels, fit = inputFit, filter = inputFilter } = form;
  return { height, width, channels, ...given({ fit, filter }) };
}

/** Gives all images of a target, which are read once for each form, with labels as the model counts its classes. */
function targetsOf(domains: Domains) {
  const known = new Map<string, ImageSet>();
  return async (target: string, { model, classNames: names }: Source, form: DomainForm): Promise<ImageSet> => {
    const key = JSON.stringify([target, form]);
    const images = known.get(key) ?? (await domains.load(target, undefined, form));
    known.set(key, images);
    const { name } = model.graph;
    const fitted = fitClasses(images, { name, count: headOf(model.graph).classes, names });
    requireFitting(model, fitted, name);
    return fitted;
  };
}

/** Where the target has fewer images than are wanted, half of them are adapted to. */
async function drawn(images: ImageSet, seed: number, options: BenchTasksOptions, signal: AbortSignal) {
  const half = Math.floor(images.count / 2);
  const isEnough = options.samples + options.judgeSamples <= images.count;
  const counts = isEnough
    ? { samples: options.samples, judgeSamples: options.judgeSamples }
    : { samples: Math.min(options.samples, half), judgeSamples: Math.min(options.judgeSamples, images.count - half) };
  return await driftedSamples(images, { corruption: "clean", severity: 0, seed, ...counts }, { signal });
}

async function accuracyOn(
  model: Model,
  samples: ReturnType<typeof samplesOf>,
  { environment, threads, signal }: WorkerOptions,
): Promise<number> {
  await using worker = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
  await worker.load(model, { signal });
  return await evaluateAccuracy(worker, samples, { signal });
}

function printRows(rows: readonly Row[], { tasks, methods }: BenchTasksOptions, { terminal }: CommandContext): void {
  const kinds: readonly Row["method"][] = ["on its source", "source only", ...methods];
  const lines = tasks.flatMap(({ source, target }) =>
    kinds.flatMap((method) => {
      const task = `${source}:${target}`;
      const same = rows.filter((row) => row.task === task && row.method === method);
      return same.length === 0 ? [] : [{ task, method, same }];
    }),
  );
  const meanOf = (same: readonly Row[], read: (row: Row) => number | undefined): number | undefined => {
    const values = same.flatMap((row) => read(row) ?? []);
    return values.length === 0 ? undefined : mean(values);
  };
  printTable<(typeof lines)[number]>(
    lines,
    [
      ["task", ({ task }) => task],
      ["method", ({ method }) => (method === "crossEntropy" ? "crossEntropy (labels)" : method)],
      ["accuracy", ({ same }) => accuracyInWords(same.map(({ accuracy }) => accuracy))],
      [
        "memory",
        ({ same }) =>
          inWords(
            meanOf(same, ({ peakBytes }) => peakBytes),
            formatBytes,
          ),
      ],
      [
        "time",
        ({ same }) =>
          inWords(
            meanOf(same, ({ trainingMs }) => trainingMs),
            formatMs,
          ),
      ],
    ],
    terminal,
  );
}

/** The mean, and from where to where where there are several. */
function accuracyInWords(all: readonly number[]): string {
  const range = all.length > 1 ? ` (${formatShare(Math.min(...all))} to ${formatShare(Math.max(...all))})` : "";
  return `${formatShare(mean(all))}${range}`;
}

function inWords(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? "-" : format(value);
}
