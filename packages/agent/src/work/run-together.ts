import { linkSignals } from "@mpo/io";

/** Runs loops until the signal aborts. When one fails, the others are ended too, and its error is thrown. */
export async function runTogether(
  signal: AbortSignal,
  loops: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  using linked = linkSignals(signal);
  let first: { readonly thrown: unknown } | undefined;
  await Promise.all(
    loops.map(async (loop) => {
      try {
        await loop(linked.signal);
      } catch (thrown) {
        if (!linked.signal.aborted) first ??= { thrown };
        linked.abort();
      }
    }),
  );
  if (first !== undefined) throw first.thrown;
}
