import { resolve } from "node:path";
import { MpoError } from "@mpo/core";
import {
  buildModel,
  type FormName,
  initialWeights,
  isModelName,
  LOSS_NAMES,
  type LossName,
  MODEL_NAMES,
  type Model,
  NORM_NAMES,
  type NormName,
} from "@mpo/engine";
import type { CommandContext } from "../command-context.ts";
import { loadModel } from "../data/load-model.ts";

/** Which model a command is about: one of the zoo with random weights, or a stored one. */
export interface SubjectOptions {
  readonly model?: string;
  readonly norm: string;
  readonly form?: FormName;
  readonly image: number;
  readonly channels: number;
  readonly classes: number;
  readonly weights?: string;
  readonly seed: number;
}

/** The model. Throws `invalid-argument` for unknown names and when both or neither of model and weights are given. */
export async function loadSubject(
  options: SubjectOptions,
  { workingFolder, signal }: Pick<CommandContext, "workingFolder" | "signal">,
): Promise<Model> {
  const { model, norm, weights } = options;
  if (weights !== undefined && model !== undefined) {
    throw new MpoError("invalid-argument", "--model and --weights both say which model", { hint: "Give one of them." });
  }
  if (weights !== undefined) return await loadModel(resolve(workingFolder, weights), signal);
  if (model === undefined) {
    throw new MpoError("invalid-argument", "which model? Neither --model nor --weights is given");
  }
  if (!isModelName(model)) {
    throw new MpoError("invalid-argument", `--model ${model} is unknown; expected one of ${MODEL_NAMES.join(", ")}`);
  }
  const graph = buildModel({
    model,
    norm: normOf(norm),
    ...(options.form === undefined ? {} : { form: options.form }),
    inputShape: [options.image, options.image, options.channels],
    classes: options.classes,
  });
  return { graph, weights: initialWeights(graph, options.seed) };
}

/** A method by its name. Throws `invalid-argument`. */
export function methodNamed(name: string): LossName {
  const method = LOSS_NAMES.find((known) => known === name);
  if (method === undefined) {
    throw new MpoError("invalid-argument", `--method ${name} is unknown; expected ${LOSS_NAMES.join(", ")}`);
  }
  return method;
}

function normOf(name: string): NormName {
  const norm = NORM_NAMES.find((known) => known === name);
  if (norm === undefined) {
    throw new MpoError("invalid-argument", `--norm ${name} is unknown; expected ${NORM_NAMES.join(", ")}`);
  }
  return norm;
}
