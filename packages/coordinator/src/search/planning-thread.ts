import { Worker } from "node:worker_threads";
import { MpoError } from "@mpo/core";
import type { PlannerSource } from "./planning.ts";
import type { FromPlanner, ToPlanner } from "./planning-messages.ts";
import { Recent } from "./recent.ts";

/** A place for one thread: it begins with the first task, and again with the next one after it has died. */
export class PlanningThread {
  readonly #entry: string;
  #worker: Worker | undefined;
  #end: ((how: FromPlanner) => void) | undefined;
  /** What it has planned with: it is faster the next time. */
  #known = new Recent<true>(32);

  constructor(entry: string) {
    this.#entry = entry;
  }

  get isBusy(): boolean {
    return this.#end !== undefined;
  }

  /** How much of a task it has done before: 2 where it has the planner, 1 where it has the chain. */
  knows({ key, chainDigest }: PlannerSource): number {
    return this.#known.get(key) ? 2 : this.#known.get(chainDigest) ? 1 : 0;
  }

  /** One at a time. Resolves with `worker-crashed` where the thread died; never rejects. */
  async run(message: ToPlanner): Promise<FromPlanner> {
    const worker = this.#started();
    const { key, chainDigest } = message.task.source;
    this.#known.set(chainDigest, true);
    this.#known.set(key, true);
    return await new Promise((resolve) => {
      this.#end = (how) => {
        this.#end = undefined;
        // A thread that waits for work holds no process open.
        worker.unref();
        resolve(how);
      };
      worker.ref();
      worker.postMessage(message);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(this.#entry, { name: "search" });
    this.#worker = worker;
    this.#known = new Recent<true>(32);
    const died = (how: string): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#end?.({ error: { code: "worker-crashed", message: `the thread of a search ${how}`, hint: undefined } });
    };
    worker.on("message", (how: FromPlanner) => this.#end?.(how));
    worker.on("error", (thrown: unknown) => died(`died: ${MpoError.from(thrown).message}`));
    worker.on("exit", (code) => died(`ended with code ${code}`));
    return worker;
  }
}
