/**
 * Loaded into the processes of a job by NODE_OPTIONS: makes the worker fill memory outside of TensorFlow's pool before it
 * trains, as fast as it can.
 */
const STEP_BYTES = 16 * 2 ** 20;
/** The machine is to live where nothing stops it. */
const MOST_BYTES = 2 ** 32;
const held: Uint8Array[] = [];

function takeMemory({ kind }: { readonly kind?: unknown }): void {
  for (let taken = 0; kind === "train" && taken < MOST_BYTES; taken += STEP_BYTES) {
    held.push(new Uint8Array(STEP_BYTES).fill(1));
  }
}

if (/\/worker-main\.[tj]s$/u.test(process.argv[1] ?? "")) {
  // Only once the worker listens: messages wait for the first listener.
  process.on("newListener", function besideWorker(event) {
    if (event !== "message") return;
    process.off("newListener", besideWorker);
    process.on("message", takeMemory);
  });
}
