import { given } from "@mpo/core";
import type { Model, ProbeSamples } from "@mpo/engine";
import type { Files, Output, Stop } from "../command-context.ts";
import { damageOptions, type FrostOptions } from "../data/damage-options.ts";
import { type DriftedSamplesOptions, driftedSamples } from "../data/drifted-samples.ts";
import { type DatasetOptions, loadDataset } from "../data/load-dataset.ts";
import { requireFitting } from "../data/load-model.ts";

/** What a probe's samples are drawn from. */
export interface TaskOptions extends Pick<DatasetOptions, "data">, DriftedSamplesOptions, FrostOptions {
  readonly dataset?: DatasetOptions["dataset"];
  /** Judge by labels, which a device seldom has, and not by how predictions agree under dropout. */
  readonly labels: boolean;
}

/** Samples for micro-windows; undefined without a data set. Throws `invalid-argument` where they do not fit the model. */
export async function taskSamples(
  { dataset, data, imageSize, labels, ...drawn }: TaskOptions & { readonly imageSize: number },
  model: Model,
  context: Files & Output & Stop,
): Promise<ProbeSamples | undefined> {
  const damage = await damageOptions(dataset === undefined ? [] : [drawn.corruption], drawn, context);
  if (dataset === undefined) return undefined;
  const { test } = await loadDataset({ dataset, ...given({ data, imageSize }) }, context);
  requireFitting(model, test, dataset);
  const { adapted, judged } = await driftedSamples(test, drawn, damage);
  return { adapted, judged: labels ? judged : { images: judged.images, count: judged.count } };
}
