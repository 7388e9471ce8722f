import { MpoError } from "@mpo/core";
import { killJobGroup } from "./job-group.ts";
import type { FromJob, JobRequest } from "./job-messages.ts";
import { CPU_SHARES, stepBack } from "./step-back.ts";

/**
 * Entry of a job's process: it reads models and inputs and drives the worker, so that the daemon never grows. It does
 * one job and ends. The daemon ends it by killing its process group; when the daemon itself is gone, it does so itself.
 */
let isDone = false;

process.on("disconnect", () => {
  if (!isDone) killJobGroup(process.pid);
});
process.once("message", (request: JobRequest) => void answer(request));
stepBack(CPU_SHARES.find((share) => share === process.argv[2]) ?? "leftover");

async function answer(request: JobRequest): Promise<void> {
  const context = {
    environment: process.env,
    // Nothing ends a job gently: who wants it ended kills it.
    signal: new AbortController().signal,
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
    isDone = true;
    if (process.connected) process.disconnect();
  }
}

function send(message: FromJob): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected && process.send !== undefined) process.send(message, () => resolve());
    else resolve();
  });
}
