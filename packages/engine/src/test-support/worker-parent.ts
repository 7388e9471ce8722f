import { EngineWorker } from "../worker/engine-worker.ts";
import { runOfSteps, setupOf, smallModel, smallSamples } from "./small-training.ts";

/** A process for tests to kill: it starts a worker, lets it train forever, and reports the worker's process id. */
const worker = await EngineWorker.start({ environment: process.env });
await worker.load({ ...smallModel(), training: setupOf({ microBatch: 8 }) });
await worker.setSamples("s", smallSamples(8));
await worker.call(
  "train",
  { samples: "s", run: runOfSteps(1_000_000_000) },
  { onProgress: ({ step }) => void (step === 1 && process.send?.(worker.pid)) },
);
