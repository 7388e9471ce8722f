import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { entryBeside } from "@mpo/io";

/** The example program under load, seen from outside. Dispose of it: its processes end. */
export class ServedApp implements AsyncDisposable {
  readonly #folder: string;
  readonly #pauseMs: number;
  #child: ChildProcess | undefined;
  #ends: Promise<void> = Promise.resolve();
  #latenciesMs: number[] = [];
  #isEnding = false;
  #deaths = 0;

  constructor(folder: string, pauseMs: number = 10) {
    this.#folder = folder;
    this.#pauseMs = pauseMs;
  }

  /** How often a process of it was ended by somebody else: its server, or the worker with its model. */
  get deaths(): number {
    return this.#deaths;
  }

  /** Starts it and waits until it answers. After a death it is started again. */
  async start(): Promise<void> {
    const entry = entryBeside("app-main", import.meta.url);
    const child = fork(entry, [this.#folder, String(this.#pauseMs)], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#child = child;
    this.#ends = new Promise((resolve) => child.once("exit", () => resolve()));
    child.on("message", (ms: number) => this.#latenciesMs.push(ms));
    await new Promise<void>((resolve, reject) => {
      child.once("message", () => resolve());
      child.once("exit", (code, signal) => reject(new Error(`the example program ended with ${signal ?? code}`)));
    });
    // When its worker is killed, the server cannot answer and ends too: one exit tells of either.
    child.once("exit", () => {
      if (this.#isEnding) return;
      this.#deaths += 1;
      this.#child = undefined;
    });
  }

  /** Starts it again if it has died. */
  async revive(): Promise<void> {
    if (this.#child === undefined) await this.start();
  }

  /** The times of the requests since the last call, milliseconds. */
  takeLatenciesMs(): readonly number[] {
    const taken = this.#latenciesMs;
    this.#latenciesMs = [];
    return taken;
  }

  /** Resident memory of its processes, bytes. */
  get residentBytes(): number {
    const { pid } = this.#child ?? {};
    return pid === undefined ? 0 : [pid, ...childrenOf(pid)].reduce((sum, each) => sum + residentBytesOf(each), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    if (this.#child?.connected === true) this.#child.disconnect();
    await this.#ends;
  }
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

function residentBytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
}
