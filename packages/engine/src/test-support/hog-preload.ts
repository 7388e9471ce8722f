/**
 * Loaded before the program of every process in a worker's family (see `hogEnvironment`), for tests of memory that is taken
 * outside of TensorFlow's pool.
 */
const STEP_BYTES = 16 * 2 ** 20;
/** The machine is to live where nothing stops it. */
const MOST_BYTES = 2 ** 31;
const isWorker = /\/worker-main\.[tj]s$/u.test(process.argv[1] ?? "");
const kind = process.env["MPO_TEST_HOG"];
const held: Uint8Array[] = [];

if (isWorker && kind === "buffers") {
  const takeMemory = ({ kind: call }: { readonly kind?: string }): void => {
    for (let taken = 0; call === "train" && taken < MOST_BYTES; taken += STEP_BYTES) {
      held.push(new Uint8Array(STEP_BYTES).fill(1));
    }
  };
  // Only once the worker listens: messages wait for the first listener.
  process.on("newListener", function besideWorker(event) {
    if (event !== "message") return;
    process.off("newListener", besideWorker);
    process.on("message", takeMemory);
  });
}
if (isWorker && kind === "no-pool") {
  // Fixed when the library is loaded: later settings have no effect.
  process.env["TF_ENABLE_ONEDNN_OPTS"] = "0";
  await import("@tensorflow/tfjs-node");
}
