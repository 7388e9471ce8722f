import type { VirtualClock } from "@mpo/io/testing";

const LOOK_MS = 100;

/** The outcome of something that itself waits for the virtual clock. */
export async function patiently<T>(virtual: VirtualClock, work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = (): void => {
    isDone = true;
  };
  work.then(done, done);
  while (!isDone) await virtual.advance(LOOK_MS);
  return await work;
}
