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
import { EngineWorker, type Model, type ModelWeights, normalisationOf, retrain, withNormalisation } from "@mpo/engine";
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
  readonly threads?: number;
}

/** Shares, 0 to 1, of a window's judged images that are named rightly. */
interface WindowRow {
  readonly window: string;
  /** By the source model. */
  readonly none: number;
  readonly after: ReadonlyMap<MethodName, number>;
}

/** What one method has, after a window, for the next. */
interface Course {
  /** What serves. */
  readonly weights: ModelWeights;
  readonly answered: readonly AnsweredDrift[];
}

/**
 * Retrains a stored model in the windows of a protocol, with each method; reports accuracy on other images than those
 * adapted to. As on a device, the judge sees no labels, and what would be served counts: the source's weights where the
 * new ones are rejected. Where windows carry on, one begins with what was learned of a like drift (`recurring` alone: devices
 * that look), else with what serves, where that does better than the source.
 */
export async function benchAdaptation(options: BenchAdaptationOptions, context: CommandContext): Promise<void> {
  const { terminal, signal, workingFolder } = context;
  const { methods, protocol, severity } = options;
  const path = resolve(workingFolder, options.weights);
  const damage = await damageOptions(CORRUPTION_NAMES, options, context);
  const source = await loadModel(path, signal);
  const test = await loadTestImages(options, source, path, context);
  const atStart: Course = { weights: source.weights, answered: [] };
  const courses = new Map(methods.map((method) => [method, atStart]));
  const rows: WindowRow[] = [];
  const total = CORRUPTION_NAMES.length * VISITS[protocol] * methods.length;
  await withProgress({ terminal, title: "adapting", total }, async (advance) => {
    for await (const window of adaptationWindows(test, options, damage)) {
      const after = new Map<MethodName, number>();
      const signature = signatureOf(window.adapted, test);
      let none: number | undefined;
      for (const [method, course] of courses) {
        const subject = { source, course, method, signature, none };
        const { course: next, ...result } = await adapt(window, subject, options, context);
        none = result.none;
        after.set(method, result.accuracy);
        if (CARRIES_ON[protocol]) courses.set(method, next);
        terminal.record({ protocol, window: window.name, method, severity, ...result });
        advance(`${window.name} ${method} ${formatPoints(result.accuracy - none)}`);
      }
      rows.push({ window: window.name, none: none ?? 0, after });
    }
  });
  const last: WindowRow = {
    window: "mean",
    none: mean(rows.map(({ none }) => none)),
    after: new Map(methods.map((method) => [method, mean(rows.map(({ after }) => after.get(method) ?? 0))])),
  };
  for (const [method, accuracy] of last.after) {
    const below = rows.filter(({ none, after }) => (after.get(method) ?? 0) < none).length;
    terminal.record({ protocol, window: last.window, method, severity, none: last.none, accuracy, below });
  }
  printTable<WindowRow>(
    [...rows, last],
    [
      ["window", ({ window }) => window],
      ["none", ({ none }) => formatShare(none)],
      ...methods.map((method): Columns<WindowRow>[number] => [
        method,
        ({ after }) => formatShare(after.get(method) ?? 0),
      ]),
    ],
    terminal,
  );
}

interface Subject {
  readonly source: Model;
  readonly course: Course;
  readonly method: MethodName;
  readonly signature: DriftSignature;
  /** Accuracy of the source model, where it is known. */
  readonly none: number | undefined;
}

/** `lookedUp`: accuracy with what was learned of a like drift, before anything is trained. */
async function adapt(
  { adapted: samples, judged }: AdaptationWindow,
  { source, course, method, signature, none }: Subject,
  { batch, epochs, seed, threads, protocol }: BenchAdaptationOptions,
  { environment, signal }: CommandContext,
) {
  await using worker = await EngineWorker.start({ environment, ...given({ threads }) }, { signal });
  const { labels: _, ...judgedOn } = judged;
  const config = resolveRetrainConfig({ microBatch: batch });
  const found = protocol === "recurring" ? nearestBySignature(signature, course.answered)?.item : undefined;
  const known = found && withNormalisation(source, found.parameters);
  const start = known ?? (course.weights === source.weights ? undefined : course.weights);
  const task = { model: source, start, samples, judgedOn, method, config, epochs, seed };
  const { weights, isAccepted, reason } = await retrain(worker, task, { signal });
  const accuracyOf = (of: ModelWeights): Promise<number> => accuracyWith(worker, of, judged, signal);
  const accuracy = await accuracyOf(weights);
  const parameters = isAccepted ? normalisationOf({ graph: source.graph, weights }) : undefined;
  const answered = parameters ? withAnswered(course.answered, { signature, parameters }) : course.answered;
  return {
    ...{
      course: { weights, answered },
      isAccepted,
      reason,
      accuracy,
      none: none ?? (await accuracyOf(source.weights)),
    },
    ...(known === undefined ? {} : { lookedUp: await accuracyOf(known) }),
  };
}
