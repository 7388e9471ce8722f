import { type MethodName, planStep, type RetrainConfig } from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import { stepMemoryFacts } from "../compiler/memory-facts.ts";
import type { Model } from "../model/model-graph.ts";
import { methodNamed } from "../window/method.ts";
import type { WorkerOptions } from "../worker/engine-worker.ts";
import { type MeasuredStep, measureStep, timedStepsFor } from "./measure-step.ts";
import { poolCapFor } from "./pool-cap.ts";

/** One configuration, and what its steps may take. */
export interface StepsToCheck {
  readonly model: Model;
  readonly method: MethodName;
  readonly config: RetrainConfig;
  /** What a step is expected to take. */
  readonly stepMs: number;
  /** Above the idle process; becomes the hard limit of the worker's allocator. */
  readonly memoryBytes: number;
}

/**
 * Measures a few steps of one configuration in a worker of its own, on random numbers: a probe of one step, with the
 * limit of a retraining. Throws `over-memory-cap`, `worker-killed`, `cancelled`.
 */
export async function checkSteps(
  { model, method, config, stepMs, memoryBytes }: StepsToCheck,
  {
    signal,
    ...process
  }: Pick<WorkerOptions, "environment" | "threads" | "oomScoreAdjust"> & {
    readonly signal: AbortSignal;
  },
): Promise<MeasuredStep> {
  const adaptation = methodNamed(method);
  const { loss, optimizer } = adaptation;
  const chain = chainOf(model.graph);
  const memoryCapBytes = poolCapFor(planStep(chain, config), stepMemoryFacts(chain, adaptation), memoryBytes);
  const task = { ...process, model, training: { loss, optimizer }, seed: 1, memoryCapBytes };
  return await measureStep(task, config, { signal, timedSteps: timedStepsFor(stepMs) });
}
