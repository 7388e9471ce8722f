import { ChildHost, entryBeside } from "@mpo/io";

/** A coordinator of thousands of devices has much to put away. */
const STOP_MS = 20_000;

/** A process of the bench. `entry`: a file beside this one, without its ending. */
export function benchProcess(
  name: string,
  entry: string,
  args: readonly string[],
  onMessage: (message: unknown) => void,
): ChildHost {
  const path = entryBeside(entry, import.meta.url);
  return new ChildHost({ name: `bench's ${name}`, entry: path, args, graceMs: STOP_MS }, onMessage);
}

/** Rejects when the process ends, or is ended. */
export async function failureOf(child: ChildHost): Promise<never> {
  throw await child.ended;
}
