import { readFile } from "node:fs/promises";
import { ChildHost, entryBeside } from "@mpo/io";
import { residentBytes } from "../process-figures.ts";

const STOP_MS = 20_000;

/** The example program under load, seen from outside. Dispose of it: its processes end. */
export class ServedApp implements AsyncDisposable {
  readonly #folder: string;
  #host: ChildHost | undefined;
  readonly #latenciesMs: number[] = [];
  #deaths = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** How often a process of it was ended by somebody else: its server, or the worker with its model. */
  get deaths(): number {
    return this.#deaths;
  }

  /** Starts it, if it does not run, and waits until it answers. */
  async start(): Promise<void> {
    if (this.#host !== undefined) return;
    let answered = (): void => undefined;
    const ready = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const entry = entryBeside("app-main", import.meta.url);
    const options = { name: "example program", entry, args: [this.#folder], graceMs: STOP_MS };
    const host = new ChildHost(options, (ms) => {
      this.#latenciesMs.push(ms as number);
      answered();
    });
    this.#host = host;
    const ended = host.ended.then((reason) => {
      throw reason;
    });
    await Promise.race([ready, ended]);
    // When its worker is killed, the server cannot answer and ends too: one exit shows either.
    ended.catch(() => {
      if (this.#host !== host) return;
      this.#deaths += 1;
      this.#host = undefined;
    });
  }

  /** The times of the requests since the last call, milliseconds. */
  takeLatenciesMs(): readonly number[] {
    return this.#latenciesMs.splice(0);
  }

  /** Resident memory of its processes, bytes. */
  async residentBytes(): Promise<number> {
    const pid = this.#host?.pid;
    if (pid === undefined) return 0;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    const pids = [pid, ...children.trim().split(" ").filter(Boolean).map(Number)];
    const each = await Promise.all(pids.map(residentBytes));
    return each.reduce((sum, bytes) => sum + bytes, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const host = this.#host;
    this.#host = undefined;
    await host?.close();
  }
}
