import { MpoError } from "@mpo/core";
import type { Model, ProbeSamples } from "@mpo/engine";
import type { CommandContext } from "../command-context.ts";
import { driftedSamples } from "../data/drifted-samples.ts";
import { loadDataset } from "../data/load-dataset.ts";
import { requireFitting } from "../data/load-model.ts";

/** What a probe's samples are drawn from. */
export interface TaskOptions {
  /** `random`, or `DATASET[:CORRUPTION[:SEVERITY]]`. */
  readonly task: string;
  readonly data?: string;
  readonly samples: number;
  readonly judgeSamples: number;
  /** Judge by labels, which a device seldom has, and not by how predictions agree under dropout. */
  readonly labels: boolean;
  readonly seed: number;
}

export const RANDOM_TASK = "random";
const WORST_SEVERITY = 5;

/** Samples for micro-windows; undefined for the task `random`. Throws `invalid-argument` for one that does not exist. */
export async function taskSamples(
  options: TaskOptions,
  model: Model,
  context: CommandContext,
): Promise<ProbeSamples | undefined> {
  if (options.task === RANDOM_TASK) return undefined;
  const [dataset = "", corruption = "clean", severityText = String(WORST_SEVERITY), ...rest] = options.task.split(":");
  const severity = Number(severityText);
  if (rest.length > 0 || !Number.isInteger(severity) || severity < 1 || severity > WORST_SEVERITY) {
    throw new MpoError("invalid-argument", `--task ${options.task} is none`, {
      hint: "Write random, or DATASET[:CORRUPTION[:SEVERITY]] such as fashion-mnist:fog:5.",
    });
  }
  const { test } = await loadDataset(
    { dataset, ...(options.data === undefined ? {} : { data: options.data }) },
    context,
  );
  requireFitting(model, test, options.task);
  const { samples, judgeSamples, seed } = options;
  const drawn = { corruption, severity, samples, judgeSamples, seed };
  const { adapted, judged } = await driftedSamples(test, drawn, context.signal);
  if (options.labels) return { adapted, judged };
  return { adapted, judged: { images: judged.images, count: judged.count } };
}
