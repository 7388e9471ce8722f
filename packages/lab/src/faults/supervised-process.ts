import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { systemClock } from "@mpo/io";

export interface SupervisedOptions {
  readonly name: string;
  /** Program to run; its first argument is the configuration as JSON. */
  readonly entry: string;
  readonly configuration: object;
  /** Everything that it writes, over all its lives. */
  readonly logFile: string;
  readonly onMessage: (message: unknown) => void;
  /** A new process was started. */
  readonly onLife: () => void;
}

/** What its program gets in addition to its configuration: how often it was started. */
export interface Life {
  readonly life: number;
}

/** How long a process may take to stop. */
const STOP_MS = 20_000;
/** Pause before a process that exited is started again, as a service manager would. */
const RESTART_MS = 300;

/** A process that is started again whenever it ends, until it is stopped. */
export class SupervisedProcess {
  readonly #options: SupervisedOptions;
  #child: ChildProcess | undefined;
  #isStopping = false;
  #downUntilMs = 0;
  #lives = 0;
  #ownEnds = 0;
  #isKilled = false;
  #cycle: Promise<void> = Promise.resolve();

  constructor(options: SupervisedOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** How often it ended without being killed. */
  get ownEnds(): number {
    return this.#ownEnds;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  start(): void {
    this.#cycle = this.#keepRunning();
  }

  send(message: object): void {
    if (this.#child?.connected === true) this.#child.send(message, () => undefined);
  }

  /** Kills it at once; it comes back after `downMs`. False: there is nothing to kill. */
  kill(downMs: number): boolean {
    if (this.#child === undefined) return false;
    this.#downUntilMs = systemClock.monotonicMs() + downMs;
    this.#isKilled = true;
    this.#child.kill("SIGKILL");
    return true;
  }

  /** Stops it, gracefully at first. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    child?.kill("SIGTERM");
    const timer = setTimeout(() => child?.kill("SIGKILL"), STOP_MS);
    await this.#cycle;
    clearTimeout(timer);
  }

  async #keepRunning(): Promise<void> {
    while (!this.#isStopping) {
      await this.#live();
      if (this.#isStopping) return;
      if (!this.#isKilled) this.#ownEnds++;
      const waitMs = this.#isKilled ? this.#downUntilMs - systemClock.monotonicMs() : RESTART_MS;
      this.#isKilled = false;
      await systemClock.sleep(waitMs);
    }
  }

  async #live(): Promise<void> {
    const { entry, configuration, logFile, onMessage, onLife } = this.#options;
    const log = openSync(logFile, "a");
    const child = fork(entry, [JSON.stringify({ ...configuration, life: ++this.#lives })], {
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    child.on("message", onMessage);
    this.#child = child;
    onLife();
    await once(child, "exit");
    this.#child = undefined;
  }
}
