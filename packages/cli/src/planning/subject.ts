import { resolve } from "node:path";
import { given, MpoError } from "@mpo/core";
import { buildModel, type FormName, initialWeights, type Model, type ModelName, type NormName } from "@mpo/engine";
import type { Files, Stop } from "../command-context.ts";
import { loadModel } from "../data/load-model.ts";
import { type InputOptions, withInputOptions } from "../options/input-options.ts";

/** Which model a command is about: one of the zoo with random weights, or a stored one. */
export interface SubjectOptions extends InputOptions {
  readonly model?: ModelName;
  readonly norm: NormName;
  readonly form?: FormName;
  readonly imageSize: number;
  readonly channels: number;
  readonly classes: number;
  readonly weights?: string;
  readonly seed: number;
}

/** The model. Throws `invalid-argument` when both or neither of model and weights are given. */
export async function loadSubject(options: SubjectOptions, { workingFolder, signal }: Files & Stop): Promise<Model> {
  const { model, norm, weights } = options;
  if (weights !== undefined && model !== undefined) {
    throw new MpoError("invalid-argument", "--model and --weights both say which model", { hint: "Give one of them." });
  }
  if (weights !== undefined) return await loadModel(resolve(workingFolder, weights), signal, options);
  if (model === undefined) {
    throw new MpoError("invalid-argument", "which model? Neither --model nor --weights is given");
  }
  const graph = buildModel({
    model,
    norm,
    ...given({ form: options.form }),
    inputShape: [options.imageSize, options.imageSize, options.channels],
    classes: options.classes,
  });
  return { graph: withInputOptions(graph, options), weights: initialWeights(graph, options.seed) };
}
