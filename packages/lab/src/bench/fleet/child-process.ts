import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { MpoError } from "@mpo/core";
import { entryBeside } from "../../product-files.ts";

const STOP_MS = 20_000;

/** A process of the bench. It ends when it is hung up on; dispose of it to wait for that. */
export class BenchProcess implements AsyncDisposable {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #isEnding = false;
  #stderr = "";

  /** `entry`: a file beside this one, without its ending. */
  constructor(name: string, entry: string, args: readonly string[], onMessage: (message: unknown) => void) {
    this.name = name;
    this.#child = fork(entryBeside(entry, import.meta.url), args, {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      serialization: "advanced",
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4_000);
    });
    this.#child.on("message", onMessage);
    this.#exited = once(this.#child, "exit");
    this.#exited.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  send(message: object): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** Rejects when the process ends although nobody hung up. */
  async failure(): Promise<never> {
    await this.#exited;
    // What was hung up on ends as it should: this then never settles.
    if (this.#isEnding) return await new Promise<never>(() => undefined);
    const tail = this.#stderr.trim().split("\n").slice(-5).join(" | ");
    throw new MpoError("worker-crashed", `the bench's ${this.name} ended: ${tail}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.#exited.catch(() => undefined);
    clearTimeout(timer);
  }
}
