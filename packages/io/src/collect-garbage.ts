/**
 * Asks the collector to come, in a process with `--expose-gc`: arrays and messages lie outside its heap, of which it sees
 * little, and stay resident until then. `all`: they are gone afterwards: buffers are freed by a thread beside it, for which
 * a second collection waits. `most`: they go in a moment. `new`: only what is new, which is soon done.
 */
export function collectGarbage(what: "all" | "most" | "new"): void {
  const times = what === "most" ? 1 : 2;
  for (let time = 0; time < times; time++) {
    // Without a type: Node 20 takes "major" for a collection that leaves much.
    if (what === "new") globalThis.gc?.({ type: "minor" });
    else globalThis.gc?.();
  }
}
