import { readdir } from "node:fs/promises";
import { changesAnything, type MethodName, MpoError, NORMS_FILE, requireTrainable } from "@mpo/core";
import { chainOf, type Model, type ModelWeights, readTrainedModel } from "@mpo/engine";
import type { RetrainJob } from "../ports/agent-engine.ts";
import { type JobContext, OOM_SCORE_ADJUST } from "./job-context.ts";

/**
 * The model of a job as it is trained (`readTrainedModel`), within the job's memory. `isLookedAt`: whether its weights
 * matter, and not only memory and time. Throws `invalid-argument` where none of the methods trains anything of it.
 */
export async function readJobModel(
  { modelFolder, sourceFolder, memoryBytes }: Pick<RetrainJob, "modelFolder" | "sourceFolder" | "memoryBytes">,
  methods: readonly MethodName[],
  isLookedAt: boolean,
  { environment, signal }: Pick<JobContext, "environment" | "signal">,
): ReturnType<typeof readTrainedModel> {
  const options = { environment, memoryBytes, oomScoreAdjust: OOM_SCORE_ADJUST, signal };
  const putBack = isLookedAt ? options : undefined;
  const { model, note } = await readTrainedModel(modelFolder, { source: sourceFolder, putBack, signal });
  try {
    const chain = chainOf(model.graph);
    const method = methods.find((one) => changesAnything(chain, one)) ?? (methods[0] as MethodName);
    requireTrainable(chain, method, model.graph.name);
  } catch (thrown) {
    throw note === undefined ? thrown : MpoError.from(thrown).with({ hint: `${note}.` });
  }
  return { model, note };
}

/**
 * The weights that a job's model was delivered with; undefined where they are those that serve, or another model's, and where
 * normalisations would have to be put back by looking at inputs once more. Values that are the same in both are there once.
 */
export async function sourceWeights(
  { modelFolder, sourceFolder }: Pick<RetrainJob, "modelFolder" | "sourceFolder">,
  { weights: serving, onnx }: Model,
  { signal }: Pick<JobContext, "signal">,
): Promise<ModelWeights | undefined> {
  const arePutBack = onnx?.norms !== undefined && !(await readdir(sourceFolder)).includes(NORMS_FILE);
  if (modelFolder === sourceFolder || arePutBack) return undefined;
  const { model } = await readTrainedModel(sourceFolder, { putBack: undefined, signal });
  const isSameModel =
    model.weights.size === serving.size &&
    [...model.weights].every(([name, { length }]) => serving.get(name)?.length === length);
  if (!isSameModel) return undefined;
  const isServing = (name: string, values: Float32Array): boolean =>
    values.every((value, index) => value === serving.get(name)![index]);
  const weights = [...model.weights].map(
    ([name, values]) => [name, isServing(name, values) ? serving.get(name)! : values] as const,
  );
  return weights.some(([name, values]) => values !== serving.get(name)) ? new Map(weights) : undefined;
}
