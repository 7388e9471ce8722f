import { tmpdir } from "node:os";
import { MpoError } from "@mpo/core";
import { collectGarbage, serveCalls } from "@mpo/io";
import { readMemory, resetMemoryPeak } from "../session/memory-meter.ts";
import { OUT_OF_MEMORY, overCap } from "./cap-exit.ts";
import { volunteerForMemoryKiller } from "./memory-killer.ts";
import type { WorkerCalls } from "./messages.ts";
import { WorkerState } from "./worker-state.ts";

/**
 * Entry of the worker process, the only one that loads TensorFlow. A training that is cancelled stops after its step.
 */
const state = new WorkerState(tmpdir(), memoryCap());

volunteerForMemoryKiller();

serveCalls<WorkerCalls>(
  {
    load: (request) => state.load(request),
    samples: ({ name, samples, values }) => {
      state.setSamples(name, samples, values);
      return null;
    },
    moreSamples: (request) => {
      state.moreSamples(request);
      return null;
    },
    sameSamples: (request) => {
      state.sameSamples(request);
      return null;
    },
    train: (request, { signal, onProgress }) => state.train(request, onProgress, () => signal.aborted),
    takeStatistics: (request) => {
      state.takeStatistics(request);
      return null;
    },
    takeImportance: (request) => {
      state.takeImportance(request);
      return null;
    },
    evaluate: (request) => state.evaluate(request),
    readWeights: () => state.session().read(),
    assignWeights: ({ weightsFolder }) => {
      state.session().assignFrom(weightsFolder);
      return null;
    },
    timeUnits: async (request) => (await import("../probe/timing/time-parts.ts")).timeParts(request),
    memory: ({ resetPeak }) => {
      collectGarbage("all");
      if (resetPeak) resetMemoryPeak();
      return readMemory();
    },
  },
  {
    onHangUp: () => {
      state.close();
      process.exit(0);
    },
    errorOf: sessionError,
  },
);

function sessionError(thrown: unknown): MpoError {
  const error = MpoError.from(thrown);
  if (OUT_OF_MEMORY.test(error.message)) {
    // TensorFlow's further lines advise what only its own users can do.
    const [what] = error.message.split("\n");
    return overCap(`the work needs more memory than the worker's cap: ${what}`, error);
  }
  return error;
}

/** The limit that TensorFlow's allocator has been given (MklCPUAllocator). */
function memoryCap(): number | undefined {
  const bytes = process.env["TF_MKL_ALLOC_MAX_BYTES"];
  return bytes === undefined ? undefined : Number(bytes);
}
