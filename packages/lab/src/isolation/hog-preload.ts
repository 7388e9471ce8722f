/**
 * Loaded into the processes of a job by NODE_OPTIONS: makes the worker fill memory outside of TensorFlow's pool before it
 * trains, as fast as it can.
 */
const STEP_BYTES = 16 * 2 ** 20;
/** The machine is to live where nothing stops it. */
const MOST_BYTES = 2 ** 32;
const held: Uint8Array[] = [];

if (/\/worker-main\.[tj]s$/u.test(process.argv[1] ?? "")) {
  process.on("message", (message: { readonly kind?: unknown }) => {
    for (let taken = 0; message.kind === "train" && taken < MOST_BYTES; taken += STEP_BYTES) {
      held.push(new Uint8Array(STEP_BYTES).fill(1));
    }
  });
}
