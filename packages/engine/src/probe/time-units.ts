import { fork } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { LIBRARY_BYTES, LOADING_BYTES, MpoError, OUTSIDE_POOL_BYTES } from "@mpo/core";
import type { Model } from "../model/model-graph.ts";
import { withStagedWeights } from "../session/stage-weights.ts";
import { isCapExit } from "../worker/cap-exit.ts";
import { ResidentWatch } from "../worker/resident-watch.ts";
import { workerEnvironment } from "../worker/worker-environment.ts";
import type { UnitTimingAnswer, UnitTimingReport, UnitTimingRequest } from "./unit-timing.ts";

/** How the timing process runs. */
export interface UnitTimingOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly threads?: number;
  /** Hard limit, as of `WorkerOptions`. Absent: none. */
  readonly memoryCapBytes?: number;
  readonly oomScoreAdjust?: number;
  readonly signal?: AbortSignal;
}

/**
 * Times every part of a training step at several micro-batches, in a process of its own. Throws `worker-crashed`
 * when that process ends without a result, `over-memory-cap`, `cancelled`.
 */
export async function timeUnits(
  model: Model,
  request: Omit<UnitTimingRequest, "graph" | "weightsFolder">,
  options: UnitTimingOptions,
): Promise<UnitTimingReport> {
  return await withStagedWeights(model.graph, model.weights, tmpdir(), (weightsFolder) =>
    runTiming({ ...request, graph: model.graph, weightsFolder }, options),
  );
}

async function runTiming(request: UnitTimingRequest, options: UnitTimingOptions): Promise<UnitTimingReport> {
  const { signal } = options;
  throwIfCancelled(signal);
  const entry = import.meta.url.endsWith(".ts") ? "./time-units-main.ts" : "./time-units-main.js";
  const child = fork(fileURLToPath(new URL(entry, import.meta.url)), {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: workerEnvironment(options),
    execArgv: [...process.execArgv],
  });
  let answer: UnitTimingAnswer | undefined;
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-2000);
  });
  child.on("message", (message) => {
    answer = message as UnitTimingAnswer;
  });
  child.send(request, () => undefined);
  const cap = options.memoryCapBytes;
  let isOver = false;
  using _watch =
    cap === undefined || child.pid === undefined
      ? undefined
      : new ResidentWatch({
          pid: child.pid,
          allowanceBytes:
            cap + LIBRARY_BYTES + LOADING_BYTES + OUTSIDE_POOL_BYTES + 3 * (request.images?.byteLength ?? 0),
          onOver: () => {
            isOver = true;
            child.kill("SIGKILL");
          },
        });
  const onAbort = (): void => void child.kill("SIGKILL");
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const [code, killedBy] = (await once(child, "close")) as [number | null, string | null];
    throwIfCancelled(signal);
    if (answer?.kind === "report") return answer.report;
    const said = `${stderr} ${answer?.message ?? ""}`;
    if (isOver || isCapExit({ code, signal: killedBy, stderr: said, isCapped: cap !== undefined })) {
      throw new MpoError("over-memory-cap", `timing a step needed more than its memory cap of ${cap} bytes`);
    }
    const how = killedBy === null ? `exit code ${code}` : `signal ${killedBy}`;
    const reason = answer?.message ?? stderr.trim().slice(-500);
    throw new MpoError("worker-crashed", `timing a step ended with ${how}: ${reason}`);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new MpoError("cancelled", "the probe was cancelled", { cause: signal.reason });
}
