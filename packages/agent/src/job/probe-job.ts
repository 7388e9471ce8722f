import { given, type MethodName } from "@mpo/core";
import type { PictureForm } from "@mpo/datasets";
import { chainOf, type ProbeSamples, probe, probeMethods } from "@mpo/engine";
import type { ProbeJob, ProbeResult } from "../ports/agent-engine.ts";
import { type JobContext, OOM_SCORE_ADJUST } from "./job-context.ts";
import { readJobModel } from "./job-model.ts";
import { readReferenceInputs } from "./reference-inputs.ts";
import { picturesFor } from "./retrain-job.ts";
import { readTrainingInputs } from "./training-inputs.ts";

const MAX_INPUTS = 256;

/** Measures a deployed model within memory and time. Throws as the engine's `probe`. */
export async function runProbeJob(job: ProbeJob, context: JobContext): Promise<ProbeResult> {
  const { signal, environment } = context;
  const { effectiveBatch, device, configs, known, maxMs, memoryBytes } = job;
  const [method, ...others] = job.methods as [MethodName, ...MethodName[]];
  const { model, note } = await readJobModel(job, job.methods, job.inputFiles.length > 0, context);
  const samples = await probeSamples(job, picturesFor(model));
  const task = { model, effectiveBatch, device, configs, ...given({ samples, known }) };
  const budget = { maxMs, memoryBytes };
  // One worker at a time: the budget leaves room for one idle process.
  const options = { environment, signal, oomScoreAdjust: OOM_SCORE_ADJUST, loadedAtOnce: 1 } as const;
  const profile =
    others.length === 0
      ? await probe({ ...task, method }, budget, options)
      : await probeMethods({ ...task, methods: job.methods }, budget, options);
  // The fleet knows the model by the name under which it is served.
  return {
    profile: { ...profile, model: { ...profile.model, name: job.model } },
    chain: chainOf(model.graph),
    ...given({ note }),
  };
}

/** Recent inputs, or none while the serving program has dropped none. */
async function probeSamples(job: ProbeJob, shape: PictureForm): Promise<ProbeSamples | undefined> {
  if (job.inputFiles.length === 0) return undefined;
  const inputs = await readTrainingInputs(job.inputFiles, shape, MAX_INPUTS).catch(() => undefined);
  if (inputs === undefined) return undefined;
  const source = await readReferenceInputs(job.modelFolder, shape);
  return { adapted: inputs.samples, judged: inputs.judgedOn, ...given({ source }) };
}
