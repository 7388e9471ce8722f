import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
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

/** Starts a program whose output goes through a pipe to a reader, as under journald; the reader says who it is. */
const THROUGH_PIPE = 'exec "$0" "$@" 2> >(echo $BASHPID >"$LOG.reader"; exec $READER >>"$LOG" 3>&-) >&2';
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
  #hasReader = true;
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

  /** Also after a stop. */
  start(): void {
    this.#isStopping = false;
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

  /** Kills who reads its log; no life has a reader until `returnReader`. */
  async killReader(): Promise<void> {
    this.#hasReader = false;
    const pid = Number(await readFile(`${this.#options.logFile}.reader`, "utf8"));
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.startsWith("cat")) process.kill(pid, "SIGKILL");
  }

  /** The next life has a reader again. */
  returnReader(): void {
    this.#hasReader = true;
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
    const argument = JSON.stringify({ ...configuration, life: ++this.#lives });
    const child = spawn("bash", ["-c", THROUGH_PIPE, process.execPath, ...process.execArgv, entry, argument], {
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      env: { ...process.env, LOG: logFile, READER: this.#hasReader ? "cat" : "true" },
    });
    child.on("message", onMessage);
    this.#child = child;
    onLife();
    await once(child, "exit");
    this.#child = undefined;
  }
}
