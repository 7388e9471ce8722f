import { MpoError } from "@mpo/core";
import { onAbort } from "../abort.ts";
import { type Abortable, abortError, throwIfAborted } from "../abort-error.ts";
import type { CallTypes, FromChild, ProgressOf } from "./call-messages.ts";
import { ChildHost, type ChildOptions } from "./child-host.ts";

export interface CallOptions<Progress = never> extends Abortable {
  /** The process is killed when the call takes longer. */
  readonly timeoutMs?: number;
  /** How long the call may continue after it was cancelled; then the process is killed. Default: the process's. */
  readonly graceMs?: number;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

interface Pending {
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: MpoError) => void;
  readonly onProgress: ((progress: never) => void) | undefined;
}

/** A child process that answers typed calls (its side: `serveCalls`). Calls reject with an `MpoError`, whatever happens to it. */
export class CalledProcess<Calls extends CallTypes<Calls>> extends ChildHost {
  readonly #graceMs: number;
  readonly #pending: Map<number, Pending>;
  #nextId = 1;

  constructor(options: ChildOptions) {
    const pending = new Map<number, Pending>();
    super(options, (message) => onMessage(pending, message as FromChild));
    this.#graceMs = options.graceMs;
    this.#pending = pending;
    void this.ended.then((reason) => {
      for (const { reject } of pending.values()) reject(reason);
    });
  }

  /** Throws what the process answered, why it ended, `timed-out`, or the signal's reason. */
  async call<Kind extends keyof Calls & string>(
    kind: Kind,
    body: Calls[Kind]["request"],
    { signal, timeoutMs, graceMs = this.#graceMs, onProgress }: CallOptions<ProgressOf<Calls[Kind]>> = {},
  ): Promise<Calls[Kind]["answer"]> {
    throwIfAborted(signal);
    if (this.reason !== undefined) throw this.reason;
    const id = this.#nextId++;
    const timers: NodeJS.Timeout[] = [];
    const endAfter = (ms: number, reason: () => MpoError): void => {
      timers.push(setTimeout(() => this.end(reason()), ms));
    };
    using _listening = onAbort(signal, () => {
      this.send({ id, kind: "cancel" });
      // A step cannot be interrupted: when it does not end soon, its process does.
      endAfter(graceMs, () => abortError(signal as AbortSignal));
    });
    if (timeoutMs !== undefined) {
      endAfter(timeoutMs, () => new MpoError("timed-out", `the ${this.name} did not answer within ${timeoutMs} ms`));
    }
    try {
      const answer = await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject, onProgress });
        this.send({ id, kind, body });
      });
      throwIfAborted(signal);
      return answer;
    } catch (thrown) {
      throwIfAborted(signal);
      throw thrown;
    } finally {
      this.#pending.delete(id);
      for (const timer of timers) clearTimeout(timer);
    }
  }
}

function onMessage(pending: ReadonlyMap<number, Pending>, message: FromChild): void {
  const call = pending.get(message.id);
  if (message.kind === "progress") call?.onProgress?.(message.body as never);
  else if (message.kind === "answer") call?.resolve(message.body);
  else {
    const { code, message: text, hint } = message.error;
    call?.reject(new MpoError(code, text, { hint }));
  }
}
