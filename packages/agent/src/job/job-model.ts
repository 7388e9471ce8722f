import { type MethodName, MpoError, requireTrainable } from "@mpo/core";
import { chainOf, readTrainedModel } from "@mpo/engine";
import type { RetrainJob } from "../ports/agent-engine.ts";
import { type JobContext, OOM_SCORE_ADJUST } from "./job-context.ts";

/**
 * The model of a job as it is trained (`readTrainedModel`), within the job's memory. `isLookedAt`: whether its weights
 * matter, and not only memory and time. Throws `invalid-argument` where the method trains nothing of it.
 */
export async function readJobModel(
  { modelFolder, sourceFolder, memoryBytes }: Pick<RetrainJob, "modelFolder" | "sourceFolder" | "memoryBytes">,
  method: MethodName,
  isLookedAt: boolean,
  { environment, signal }: Pick<JobContext, "environment" | "signal">,
): ReturnType<typeof readTrainedModel> {
  const options = { environment, memoryBytes, oomScoreAdjust: OOM_SCORE_ADJUST, signal };
  const putBack = isLookedAt ? options : undefined;
  const { model, note } = await readTrainedModel(modelFolder, { source: sourceFolder, putBack, signal });
  try {
    requireTrainable(chainOf(model.graph), method, model.graph.name);
  } catch (thrown) {
    throw note === undefined ? thrown : MpoError.from(thrown).with({ hint: `${note}.` });
  }
  return { model, note };
}
