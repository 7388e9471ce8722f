import { tmpdir } from "node:os";
import type { Model } from "../../model/model-graph.ts";
import { withStagedWeights } from "../../session/stage-weights.ts";
import { EngineWorker, type WorkerOptions } from "../../worker/engine-worker.ts";
import type { UnitTimingReport, UnitTimingRequest } from "./unit-timing.ts";

/** Times every part of a training step at several micro-batches, in a worker of its own. Throws as its calls do. */
export async function timeUnits(
  { graph, weights }: Model,
  request: Omit<UnitTimingRequest, "graph" | "weightsFolder">,
  { signal, ...options }: WorkerOptions & { readonly signal?: AbortSignal },
): Promise<UnitTimingReport> {
  await using worker = await EngineWorker.start(options, { signal });
  return await withStagedWeights(graph, weights, options.temporaryFolder ?? tmpdir(), (weightsFolder) =>
    // It listens to nothing while it times.
    worker.call("timeUnits", { ...request, graph, weightsFolder }, { signal, graceMs: 0 }),
  );
}
