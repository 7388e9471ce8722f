/**
 * Asks the collector to come, in a process with `--expose-gc`: arrays and messages lie outside its heap, of which it sees
 * little, and stay resident until then. `new`: only for what is new, which is soon done. Twice: buffers are freed by a thread
 * beside it, for which the second waits.
 */
export function collectGarbage(what: "all" | "new" = "all"): void {
  for (let time = 0; time < 2; time++) {
    // Node 20 takes the type "major" for a collection that leaves much.
    if (what === "all") globalThis.gc?.();
    else globalThis.gc?.({ type: "minor" });
  }
}
