import { resolve } from "node:path";
import {
  type CommandContext,
  type DatasetOptions,
  damageOptions,
  type FrostOptions,
  loadModel,
  loadTestImages,
} from "@mpo/cli";
import {
  type AnsweredDrift,
  accumulationFor,
  type DriftSignature,
  formatPoints,
  formatShare,
  given,
  type MethodName,
  mean,
  nearestBySignature,
  resolveRetrainConfig,
  withAnswered,
} from "@mpo/core";
import { CORRUPTION_NAMES } from "@mpo/datasets";
import {
  EngineWorker,
  type Model,
  type ModelWeights,
  methodNamed,
  normalisationOf,
  retrain,
  withNormalisation,
} from "@mpo/engine";
import { type Columns, printTable, withProgress } from "../harness.ts";
import { accuracyWith } from "../retrained-accuracy.ts";
import {
  type AdaptationWindow,
  adaptationWindows,
  CARRIES_ON,
  VISITS,
  type WindowOptions,
} from "./adaptation-windows.ts";
import { signatureOf } from "./signature-of.ts";

export interface BenchAdaptationOptions extends DatasetOptions, FrostOptions, WindowOptions {
  readonly weights: string;
  readonly methods: readonly MethodName[];
  readonly epochs: number;
  readonly batch: number;
  readonly microBatch?: number;
  readonly threads?: number;
}

/** Shares, 0 to 1, of images that are named rightly. */
interface Accuracies {
  /** Of other images than those adapted to, of all classes. */
  readonly damaged: number;
  /** Of the images adapted to. */
  readonly own: number;
  /** Of the others before they were damaged: what was forgotten. */
  readonly clean: number;
}

interface WindowRow {
  readonly window: string;
  /** By the source model. */
  readonly none: Accuracies;
  readonly after: ReadonlyMap<MethodName, Accuracies>;
}

/** One of the table's: of no adaptation, and of each method. */
interface Line {
  readonly window: string;
  readonly shares: readonly number[];
}

/** What one method has, after a window, for the next. */
interface Course {
  /** What serves. */
  readonly weights: ModelWeights;
  readonly answered: readonly AnsweredDrift[];
}

/**
 * Retrains a stored model in the windows of a protocol, with each method; reports accuracy on other images than those
 * adapted to, on those adapted to, and on undamaged ones. As on a device, the judge sees the images adapted to, without
 * labels, and what would be served counts: where windows carry on, what served before where the new weights are rejected.
 * One begins with what was learned of a like drift (`recurring` alone: devices that look), else with what serves, where
 * that does better than the source.
 */
export async function benchAdaptation(options: BenchAdaptationOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, workingFolder } = context;
  const { methods, protocol, severity, corruptions } = options;
  const path = resolve(workingFolder, options.weights);
  const damage = await damageOptions(protocol === "mixed" ? CORRUPTION_NAMES : corruptions, options, context);
  const source = await loadModel(path, signal);
  const test = await loadTestImages(options, source, path, context);
  const atStart: Course = { weights: source.weights, answered: [] };
  const courses = new Map(methods.map((method) => [method, atStart]));
  const rows: WindowRow[] = [];
  const total = corruptions.length * VISITS[protocol] * methods.length;
  await withProgress({ terminal, title: "adapting", total }, async (advance) => {
    for await (const window of adaptationWindows(test, options, damage)) {
      const after = new Map<MethodName, Accuracies>();
      const signature = signatureOf(window.adapted, test);
      let none: Accuracies | undefined;
      for (const [method, course] of courses) {
        const subject = { source, course, method, signature, none };
        const { course: next, served, ...result } = await adapt(window, subject, options, context);
        none = result.none;
        after.set(method, served);
        if (CARRIES_ON[protocol]) courses.set(method, next);
        terminal.record({ ...{ protocol, window: window.name, method, severity }, ...result, ...flat(none, served) });
        advance(`${window.name} ${method} ${formatPoints(served.damaged - none.damaged)}`);
      }
      if (none !== undefined) rows.push({ window: window.name, none, after });
    }
  });
  report(rows, options, context);
}

/** A record of each method's means, and the table. */
function report(
  rows: readonly WindowRow[],
  { methods, protocol, severity }: BenchAdaptationOptions,
  { terminal }: CommandContext,
): void {
  const none = meanOf(rows.map((row) => row.none));
  const after = new Map<MethodName, Accuracies>();
  for (const method of methods) {
    const served = rows.flatMap((row) => row.after.get(method) ?? []);
    const below = (field: keyof Accuracies): number =>
      rows.filter((row, at) => (served[at]?.[field] ?? 0) < row.none[field]).length;
    const windows = { below: below("damaged"), belowOwn: below("own") };
    const means = meanOf(served);
    after.set(method, means);
    terminal.record({ ...{ protocol, window: "mean", method, severity }, ...windows, ...flat(none, means) });
  }
  const line = (window: string, row: Omit<WindowRow, "window">, field: keyof Accuracies): Line => {
    const found = [row.none, ...methods.map((method) => row.after.get(method) ?? row.none)];
    return { window, shares: found.map((accuracies) => accuracies[field]) };
  };
  printTable<Line>(
    [
      ...rows.map((row) => line(row.window, row, "damaged")),
      line("mean", { none, after }, "damaged"),
      line("of those adapted to", { none, after }, "own"),
      line("of undamaged ones", { none, after }, "clean"),
    ],
    [
      ["window", ({ window }) => window],
      ...["none", ...methods].map((name, at): Columns<Line>[number] => [
        name,
        ({ shares }) => formatShare(shares[at] ?? 0),
      ]),
    ],
    terminal,
  );
}

function meanOf(accuracies: readonly Accuracies[]): Accuracies {
  const of = (field: keyof Accuracies): number => mean(accuracies.map((each) => each[field]));
  return { damaged: of("damaged"), own: of("own"), clean: of("clean") };
}

/** As records have them. */
function flat(none: Accuracies, served: Accuracies) {
  return {
    ...{ none: none.damaged, accuracy: served.damaged },
    ...{ noneOwn: none.own, own: served.own, noneClean: none.clean, clean: served.clean },
  };
}

interface Subject {
  readonly source: Model;
  readonly course: Course;
  readonly method: MethodName;
  readonly signature: DriftSignature;
  /** By the source model, where it is known. */
  readonly none: Accuracies | undefined;
}

/** `lookedUp`: accuracy with what was learned of a like drift, before anything is trained. */
async function adapt(
  { adapted, judged, clean, reference }: AdaptationWindow,
  { source, course, method, signature, none }: Subject,
  { batch, microBatch = batch, epochs, seed, threads, protocol }: BenchAdaptationOptions,
  { environment, signal }: CommandContext,
) {
  await using worker = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
  const { labels: _, ...unlabelled } = adapted;
  const samples = methodNamed(method).needsLabels ? adapted : unlabelled;
  const config = resolveRetrainConfig({ microBatch, accumulation: accumulationFor(batch, microBatch) });
  const found = protocol === "recurring" ? nearestBySignature(signature, course.answered)?.item : undefined;
  const known = found && withNormalisation(source, found.parameters);
  const own = course.weights === source.weights ? {} : { source: source.weights };
  const model = { ...source, weights: course.weights };
  const task = { model, ...own, start: known, samples, reference, method, config, epochs, seed };
  const { weights, isAccepted, reason } = await retrain(worker, task, { signal });
  const accuracyOf = async (of: ModelWeights): Promise<Accuracies> => ({
    damaged: await accuracyWith(worker, of, judged, signal),
    own: await accuracyWith(worker, of, adapted, signal),
    clean: await accuracyWith(worker, of, clean, signal),
  });
  const served = await accuracyOf(weights);
  const parameters = isAccepted ? normalisationOf({ graph: source.graph, weights }) : undefined;
  const answered = parameters ? withAnswered(course.answered, { signature, parameters }) : course.answered;
  return {
    ...{ course: { weights, answered }, isAccepted, reason, served, none: none ?? (await accuracyOf(source.weights)) },
    ...(known === undefined ? {} : { lookedUp: await accuracyWith(worker, known, judged, signal) }),
  };
}
