import { fork } from "node:child_process";
import type { AgentEngine } from "@mpo/agent";
import { tinyChain, tinyProfile } from "@mpo/coordinator/testing";
import { MpoError } from "@mpo/core";
import { abortError, throwIfAborted } from "@mpo/io";
import { entryBeside } from "../product-files.ts";

const ENTRY = entryBeside("worker-main", import.meta.url);
const CHAIN = tinyChain(3);

/** An engine whose measurements are made up, but whose work is a real process: who kills it gets a real crash. */
export function processEngine(random: () => number, onWorker: (pid: number) => void): AgentEngine {
  const work = (signal: AbortSignal): Promise<void> => inWorker(150 + random() * 500, signal, onWorker);
  return {
    probe: async (job, { signal }) => {
      await work(signal);
      const profile = tinyProfile(job.device.id, { speed: 0.5 + random(), chain: CHAIN });
      const model = { ...profile.model, name: job.model };
      return { profile: { ...profile, model, measuredAtMs: job.nowMs }, chain: CHAIN };
    },
    retrain: async (job, { signal }) => {
      await work(signal);
      const steps = Math.max(1, job.bestSteps);
      return { isAccepted: false, reason: "made up", steps, stepMs: job.stepMs, durationMs: 500, peakBytes: 1_000_000 };
    },
  };
}

async function inWorker(workMs: number, signal: AbortSignal, onWorker: (pid: number) => void): Promise<void> {
  throwIfAborted(signal);
  const child = fork(ENTRY, [], { execArgv: [], stdio: ["ignore", "ignore", "ignore", "ipc"] });
  const onAbort = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", onAbort, { once: true });
  let isDone = false;
  child.on("message", () => {
    isDone = true;
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", () => resolve());
      child.send(workMs, () => undefined);
      if (child.pid !== undefined) onWorker(child.pid);
    });
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  if (signal.aborted) throw abortError(signal);
  if (!isDone) throw new MpoError("worker-crashed", "the worker was killed");
}
