import { resolve } from "node:path";
import { given } from "@mpo/core";
import type { Model, ProbeSamples, Samples } from "@mpo/engine";
import type { Files, Output, Stop } from "../command-context.ts";
import { damageOptions, type FrostOptions } from "../data/damage-options.ts";
import { type DriftedSamplesOptions, driftedSamples } from "../data/drifted-samples.ts";
import { type DatasetOptions, loadTestImages } from "../data/load-dataset.ts";

/** What a probe's samples are drawn from. */
export interface TaskOptions extends Pick<DatasetOptions, "data">, DriftedSamplesOptions, FrostOptions {
  readonly dataset?: DatasetOptions["dataset"];
  /** Judge by labels, which a device seldom has, and not by what dropout leaves of predictions. */
  readonly labels: boolean;
}

/** Samples for micro-windows, and the same as they were before the damage; undefined without a data set. Throws `invalid-argument` where they do not fit the model. */
export async function taskSamples(
  { dataset, data, labels, weights, ...drawn }: TaskOptions & { readonly weights?: string },
  model: Model,
  context: Files & Output & Stop,
): Promise<{ readonly samples: ProbeSamples; readonly references: Samples } | undefined> {
  const damage = await damageOptions(dataset === undefined ? [] : [drawn.corruption], drawn, context);
  if (dataset === undefined) return undefined;
  const path = weights === undefined ? undefined : resolve(context.workingFolder, weights);
  const test = await loadTestImages({ dataset, ...given({ data }) }, model, path, context);
  const { adapted, adaptedClean: references, judged } = await driftedSamples(test, drawn, damage);
  const samples = { adapted, judged: labels ? judged : { images: judged.images, count: judged.count } };
  return { samples, references };
}
