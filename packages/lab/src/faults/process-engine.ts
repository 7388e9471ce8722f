import type { AgentEngine } from "@mpo/agent";
import { tinyChain, tinyProfile } from "@mpo/coordinator/testing";
import { CalledProcess, entryBeside, systemClock, throwIfAborted } from "@mpo/io";
import { pretendCheck } from "../pretend-device.ts";

/** What the worker can be asked: to be busy for some milliseconds. */
export interface PretendCalls {
  readonly work: { readonly request: number; readonly answer: null };
}

const CHAIN = tinyChain(3);

/** An engine whose measurements are made up, but whose work is a real process: who kills it gets a real crash. */
export function processEngine(random: () => number, onWorker: (pid: number) => void): AgentEngine {
  const work = (signal: AbortSignal): Promise<void> => inWorker(150 + random() * 500, signal, onWorker);
  return {
    probe: async (job, { signal }) => {
      await work(signal);
      const profile = tinyProfile(job.device.id, { speed: 0.5 + random(), chain: CHAIN });
      const model = { ...profile.model, name: job.model };
      return { profile: { ...profile, model, measuredAtMs: systemClock.now() }, chain: CHAIN };
    },
    check: async (job, { signal }) => {
      await work(signal);
      return pretendCheck(job, CHAIN);
    },
    retrain: async (job, { signal }) => {
      await work(signal);
      const { config, stepMs, accuracy } = job.rung;
      return {
        ...{
          isAccepted: false,
          reason: "made up",
          config,
          steps: Math.max(1, accuracy.steps),
          stepMs: [stepMs.expected],
        },
        ...{ plannedBytes: 1_000_000, peakBytes: 1_000_000, overheadMs: 400, judgedSamples: 256 },
        ...{ judgement: undefined, accuracyBefore: undefined, accuracyAfter: undefined },
      };
    },
  };
}

async function inWorker(workMs: number, signal: AbortSignal, onWorker: (pid: number) => void): Promise<void> {
  throwIfAborted(signal);
  const entry = entryBeside("worker-main", import.meta.url);
  await using worker = new CalledProcess<PretendCalls>({ name: "worker", entry, graceMs: 0 });
  if (worker.pid !== undefined) onWorker(worker.pid);
  await worker.call("work", workMs, { signal });
}
