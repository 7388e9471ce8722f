import { writeFileSync } from "node:fs";
import { MpoError } from "@mpo/core";
import type { FromJob, JobRequest } from "./job-messages.ts";

/**
 * Entry of a job's process: it reads models and inputs and drives the worker, so that the daemon never grows. It does
 * one job and ends; when the daemon goes away or hangs up, so does it, and its worker with it.
 */
const ends = new AbortController();

process.on("disconnect", () => ends.abort(new MpoError("cancelled", "the agent ended the job")));
// The terminal's Ctrl-C goes to the whole group: the daemon decides what happens to its jobs.
process.on("SIGINT", () => undefined);
process.once("message", (request: JobRequest) => void answer(request));
adjustMemoryKiller();

async function answer(request: JobRequest): Promise<void> {
  const context = {
    environment: process.env,
    signal: ends.signal,
    onProgress: (report: Extract<FromJob, { kind: "progress" }>["report"]) => send({ kind: "progress", report }),
  };
  try {
    if (request.kind === "retrain") {
      const { runRetrainJob } = await import("./retrain-job.ts");
      await send({ kind: "answer", body: await runRetrainJob(request.job, context) });
    } else {
      const { runProbeJob } = await import("./probe-job.ts");
      await send({ kind: "answer", body: await runProbeJob(request.job, context) });
    }
  } catch (thrown) {
    const { code, message, hint } = MpoError.from(thrown);
    await send({ kind: "error", error: { code, message, hint } });
  } finally {
    if (process.connected) process.disconnect();
  }
}

function send(message: FromJob): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected && process.send !== undefined) process.send(message, () => resolve());
    else resolve();
  });
}

/** After the worker, this process shall go when memory runs out. */
function adjustMemoryKiller(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "900");
  } catch {
    // Not Linux, or not allowed: the system decides by itself.
  }
}
