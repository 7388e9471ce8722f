import { given } from "@mpo/core";
import type { Model, ProbeSamples } from "@mpo/engine";
import type { Files, Stop } from "../command-context.ts";
import { driftedSamples } from "../data/drifted-samples.ts";
import { loadDataset } from "../data/load-dataset.ts";
import { requireFitting } from "../data/load-model.ts";
import type { Task } from "../options/task-option.ts";

/** What a probe's samples are drawn from. */
export interface TaskOptions {
  readonly task: Task | "random";
  readonly data?: string;
  readonly samples: number;
  readonly judgeSamples: number;
  /** Judge by labels, which a device seldom has, and not by how predictions agree under dropout. */
  readonly labels: boolean;
  readonly seed: number;
}

/** Samples for micro-windows; undefined for the task `random`. Throws `invalid-argument` where they do not fit the model. */
export async function taskSamples(
  { task, data, samples, judgeSamples, labels, seed }: TaskOptions,
  model: Model,
  context: Files & Stop,
): Promise<ProbeSamples | undefined> {
  if (task === "random") return undefined;
  const { test } = await loadDataset({ dataset: task.dataset, ...given({ data }) }, context);
  requireFitting(model, test, task.dataset);
  const drawn = { corruption: task.corruption, severity: task.severity, samples, judgeSamples, seed };
  const { adapted, judged } = await driftedSamples(test, drawn, context.signal);
  return { adapted, judged: labels ? judged : { images: judged.images, count: judged.count } };
}
