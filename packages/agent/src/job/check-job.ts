import { chainOf, checkSteps, graphDigest, methodNamed } from "@mpo/engine";
import { withDeadline } from "@mpo/io";
import type { CheckJob, CheckResult } from "../ports/agent-engine.ts";
import { type JobContext, OOM_SCORE_ADJUST } from "./job-context.ts";
import { readJobModel } from "./job-model.ts";

/** Measures a few steps of one configuration; what they trained is thrown away. Throws as the engine's `checkSteps`. */
export async function runCheckJob(job: CheckJob, { environment, signal }: JobContext): Promise<CheckResult> {
  const { config, stepMs, memoryBytes, maxMs } = job;
  const { loss: method } = methodNamed(job.method);
  const work = async (linked: AbortSignal): Promise<CheckResult> => {
    const place = { ...job, sourceFolder: job.modelFolder };
    const { model } = await readJobModel(place, [method], false, { environment, signal: linked });
    const { sample, loaded } = await checkSteps(
      { model, method, config, stepMs, memoryBytes },
      { environment, oomScoreAdjust: OOM_SCORE_ADJUST, signal: linked },
    );
    const idleBytes = loaded.idleBytes - loaded.stateBytes;
    return { measured: sample, idleBytes, graphDigest: graphDigest(model.graph), chain: chainOf(model.graph) };
  };
  return await withDeadline("the check", maxMs, work, { signal });
}
