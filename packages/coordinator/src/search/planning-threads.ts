import { availableParallelism } from "node:os";
import { MpoError } from "@mpo/core";
import { type Abortable, entryBeside, onAbort, throwIfAborted, untilAborted } from "@mpo/io";
import type { Planned, Planning, PlanningKind, PlanningTask } from "./planning.ts";
import type { FromPlanner, ToPlanner } from "./planning-messages.ts";
import { PlanningThread } from "./planning-thread.ts";

export interface PlanningThreadsOptions {
  /** Default: one less than there are processors, at most two. */
  readonly threads?: number;
  /** Tasks that may wait for a thread. Default 1024. */
  readonly maxWaiting?: number;
  /** What a thread runs. Default: the search. */
  readonly entry?: string;
}

interface Waiting extends ToPlanner {
  readonly settle: (how: FromPlanner) => void;
  readonly signal: AbortSignal | undefined;
}

/** A task whose thread died is done once more: the next one may have what this one lacked. */
const ATTEMPTS = 2;

/**
 * Searches in threads of their own, so that the one that asks answers others meanwhile. A task goes to an idle thread that
 * knows its model already, if there is one. One that is aborted is answered at once; its thread does it to the end, and
 * keeps what it knows.
 */
export class PlanningThreads implements Planning, AsyncDisposable {
  readonly #threads: readonly PlanningThread[];
  readonly #waiting: Waiting[] = [];
  readonly #maxWaiting: number;
  #isClosed = false;

  constructor({ threads = usualThreads(), maxWaiting = 1024, entry = ENTRY }: PlanningThreadsOptions = {}) {
    this.#threads = Array.from({ length: threads }, () => new PlanningThread(entry));
    this.#maxWaiting = maxWaiting;
  }

  async run<Kind extends PlanningKind>(
    kind: Kind,
    task: PlanningTask,
    { signal }: Abortable = {},
  ): Promise<Planned<Kind>> {
    throwIfAborted(signal);
    if (this.#isClosed) throw closed();
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new MpoError("unavailable", `${this.#waiting.length} searches wait already`, { hint: "Try again later." });
    }
    let leave = (): void => undefined;
    const done = new Promise<FromPlanner>((settle) => {
      const waiting: Waiting = { kind, task, signal, settle };
      leave = () => {
        const place = this.#waiting.indexOf(waiting);
        if (place >= 0) this.#waiting.splice(place, 1);
      };
      this.#waiting.push(waiting);
    });
    this.#next();
    using _leaving = onAbort(signal, leave);
    const how = await untilAborted(done, signal);
    if ("planned" in how) return how.planned as Planned<Kind>;
    const { code, message, hint } = how.error;
    throw new MpoError(code, message, { hint });
  }

  /** Ends the threads. What waits or runs throws `cancelled`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { settle } of this.#waiting.splice(0)) settle({ error: closed() });
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #next(): void {
    const idle = this.#threads.filter(({ isBusy }) => !isBusy);
    while (idle.length > 0) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      const { source } = waiting.task;
      idle.sort((one, other) => other.knows(source) - one.knows(source));
      void this.#do(waiting, idle.shift() as PlanningThread);
    }
  }

  /** Never rejects. */
  async #do({ kind, task, signal, settle }: Waiting, thread: PlanningThread): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const how = await thread.run({ kind, task });
      const isDead = "error" in how && how.error.code === "worker-crashed";
      if (this.#isClosed && isDead) return settle({ error: closed() });
      if (isDead && attempt < ATTEMPTS && signal?.aborted !== true) continue;
      settle(how);
      return this.#next();
    }
  }
}

const ENTRY = entryBeside("planning-main", import.meta.url);

function usualThreads(): number {
  return Math.min(2, Math.max(1, availableParallelism() - 1));
}

function closed(): MpoError {
  return new MpoError("cancelled", "the coordinator ends: it searches no more");
}
