import { MpoError } from "@mpo/core";
import type { CallTypes, FromChild, ProgressOf, ToChild } from "./call-messages.ts";

export interface CallContext<Progress> {
  /** Aborts when the caller gives up. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/** What answers each kind of call. */
export type CallHandlers<Calls extends CallTypes<Calls>> = {
  readonly [Kind in keyof Calls]: (
    body: Calls[Kind]["request"],
    context: CallContext<ProgressOf<Calls[Kind]>>,
  ) => Calls[Kind]["answer"] | Promise<Calls[Kind]["answer"]>;
};

export interface ServeOptions {
  /** The parent has hung up or is gone. Default: the process ends. */
  readonly onHangUp?: () => void;
  /** What is answered when a call fails. */
  readonly errorOf?: (thrown: unknown) => MpoError;
}

/** The side of a child process of its `CalledProcess`: answers one call at a time, in order, and ends with its parent. */
export function serveCalls<Calls extends CallTypes<Calls>>(
  handlers: CallHandlers<Calls>,
  { onHangUp = () => process.exit(0), errorOf = (thrown) => MpoError.from(thrown) }: ServeOptions = {},
): void {
  const open = new Map<number, AbortController>();
  let queue: Promise<void> = Promise.resolve();

  const answer = async (id: number, kind: keyof Calls, body: unknown, signal: AbortSignal): Promise<void> => {
    try {
      const onProgress = (progress: unknown): void => send({ id, kind: "progress", body: progress });
      send({ id, kind: "answer", body: await handlers[kind](body, { signal, onProgress }) });
    } catch (thrown) {
      const { code, message, hint } = errorOf(thrown);
      send({ id, kind: "error", error: { code, message, hint } });
    } finally {
      open.delete(id);
    }
  };

  process.on("disconnect", onHangUp);
  // The terminal's Ctrl-C goes to the whole group: the parent decides what happens to its processes.
  process.on("SIGINT", () => undefined);
  process.on("message", (message: ToChild) => {
    const { id, kind } = message;
    if (!("body" in message)) {
      open.get(id)?.abort();
      return;
    }
    const controller = new AbortController();
    open.set(id, controller);
    queue = queue.then(() => answer(id, kind as keyof Calls, message.body, controller.signal));
  });
}

function send(message: FromChild): void {
  if (process.connected) process.send?.(message);
}
