import { given } from "@mpo/core";
import type { Model, ProbeSamples } from "@mpo/engine";
import type { Files, Stop } from "../command-context.ts";
import { type DriftedSamplesOptions, driftedSamples } from "../data/drifted-samples.ts";
import { type DatasetOptions, loadDataset } from "../data/load-dataset.ts";
import { requireFitting } from "../data/load-model.ts";

/** What a probe's samples are drawn from. */
export interface TaskOptions extends Pick<DatasetOptions, "data">, DriftedSamplesOptions {
  readonly dataset?: DatasetOptions["dataset"];
  /** Judge by labels, which a device seldom has, and not by how predictions agree under dropout. */
  readonly labels: boolean;
}

/** Samples for micro-windows; undefined without a data set. Throws `invalid-argument` where they do not fit the model. */
export async function taskSamples(
  { dataset, data, imageSize, labels, ...drawn }: TaskOptions & { readonly imageSize: number },
  model: Model,
  context: Files & Stop,
): Promise<ProbeSamples | undefined> {
  if (dataset === undefined) return undefined;
  const { test } = await loadDataset({ dataset, ...given({ data, imageSize }) }, context);
  requireFitting(model, test, dataset);
  const { adapted, judged } = await driftedSamples(test, drawn, context.signal);
  return { adapted, judged: labels ? judged : { images: judged.images, count: judged.count } };
}
