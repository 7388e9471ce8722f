import { tmpdir } from "node:os";
import { MpoError } from "@mpo/core";
import { readMemory, resetMemoryPeak } from "../session/memory-meter.ts";
import { volunteerForMemoryKiller } from "./memory-killer.ts";
import type { FromWorker, ToWorker, WorkerRequest } from "./messages.ts";
import { WorkerState } from "./worker-state.ts";

/**
 * Entry of the worker process, the only one that loads TensorFlow. It answers one call at a time, in order; `cancel`
 * stops a running training after its step. When its parent goes away, so does it.
 */
const state = new WorkerState(tmpdir(), memoryCap());
const cancelled = new Set<number>();
let queue: Promise<void> = Promise.resolve();

volunteerForMemoryKiller();

process.on("message", (message: ToWorker) => {
  if (message.kind === "cancel") {
    cancelled.add(message.id);
    return;
  }
  queue = queue.then(() => answer(message));
});
process.on("disconnect", () => {
  state.close();
  process.exit(0);
});
// The terminal's Ctrl-C goes to the whole group: the parent decides what happens to its workers.
process.on("SIGINT", () => undefined);
send({ id: 0, kind: "ready" });

async function answer(request: WorkerRequest): Promise<void> {
  try {
    send({ id: request.id, kind: "answer", body: await run(request) });
  } catch (thrown) {
    const { code, message, hint } = sessionError(thrown);
    send({ id: request.id, kind: "error", error: { code, message, hint } });
  } finally {
    cancelled.delete(request.id);
  }
}

async function run(request: WorkerRequest): Promise<unknown> {
  switch (request.kind) {
    case "load":
      return state.load(request.body);
    case "samples":
      state.setSamples(request.body.name, request.body.samples);
      return null;
    case "train":
      return await state.train(
        request.body,
        (report) => send({ id: request.id, kind: "progress", report }),
        () => cancelled.has(request.id),
      );
    case "evaluate":
      return state.evaluate(request.body);
    case "readWeights":
      return state.session().read();
    case "assignWeights":
      state.session().assignFrom(request.body.weightsFolder);
      return null;
    case "memory":
      globalThis.gc?.();
      if (request.body.resetPeak) resetMemoryPeak();
      return readMemory();
  }
}

/** TensorFlow says "OOM" or RESOURCE_EXHAUSTED when the allocator's limit is reached. */
function sessionError(thrown: unknown): MpoError {
  const error = MpoError.from(thrown);
  if (/OOM when allocating|RESOURCE_EXHAUSTED|out of memory/i.test(error.message)) {
    // TensorFlow's further lines advise what only its own users can do.
    const [what] = error.message.split("\n");
    return new MpoError("over-memory-cap", `the work needs more memory than the worker's cap: ${what}`, {
      cause: error,
      hint: "Choose a smaller micro-batch, more freezing or more checkpoints, or a higher cap.",
    });
  }
  return error;
}

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

/** The limit that TensorFlow's allocator has been given (MklCPUAllocator). */
function memoryCap(): number | undefined {
  const bytes = process.env["TF_MKL_ALLOC_MAX_BYTES"];
  return bytes === undefined ? undefined : Number(bytes);
}
