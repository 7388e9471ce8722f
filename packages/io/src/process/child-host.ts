import { type ChildProcess, fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { MpoError } from "@mpo/core";
import { groupGone, killGroup } from "./process-group.ts";

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last of what it wrote to standard error. */
  readonly stderr: string;
}

/** How a child process is started and ended. */
export interface ChildOptions {
  /** What it is called in messages: "worker". */
  readonly name: string;
  /** The file that it runs, see `entryBeside`. */
  readonly entry: string;
  readonly args?: readonly string[];
  /** Default: this process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Options of Node in addition to those of this process. */
  readonly execArgv?: readonly string[];
  /** It leads a process group, which is killed as a whole: for a process that starts others. */
  readonly leadsGroup?: boolean;
  /** How long it may take to end by itself once it is asked to; then it is killed. 0: it is not asked. */
  readonly graceMs: number;
  /** Knows a better reason for some ends than that the process crashed or was killed. */
  readonly explainEnd?: (end: ProcessEnd) => MpoError | undefined;
}

const STDERR_CHARACTERS = 4_000;
const TAIL_LINES = 3;
/** What a process has written and sent last is read after its exit. One that it started may hold the pipe open. */
const DRAIN_MS = 500;

/**
 * A child process that talks by messages. However it ends, the reason is one `MpoError`, a value: `worker-crashed`,
 * `worker-killed` (from outside: mostly by the system, which was short of memory), `cancelled` after `close`, or what
 * ended it. Close it when done. Its own side must end at `disconnect`, as `serveCalls` does: this process may be killed.
 */
export class ChildHost implements AsyncDisposable {
  readonly name: string;
  /** Resolves with the reason as soon as there is one. The process may be there for a moment yet. */
  readonly ended: Promise<MpoError>;
  readonly #options: ChildOptions;
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  #reason: MpoError | undefined;
  #resolveEnded: (reason: MpoError) => void = () => undefined;
  #stderr = "";

  constructor(options: ChildOptions, onMessage: (message: unknown) => void) {
    const { name, entry, args = [], environment = process.env, execArgv = [], leadsGroup = false } = options;
    this.name = name;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    const child = fork(entry, args, {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...environment },
      execArgv: [...process.execArgv, ...execArgv],
      detached: leadsGroup,
    });
    this.#child = child;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARACTERS);
    });
    child.on("message", onMessage);
    this.#gone = new Promise((resolve) => {
      child.on("error", (cause) => {
        this.#settle(new MpoError("worker-crashed", `${name}: ${cause.message}`, { cause }));
        if (child.pid === undefined) resolve();
      });
      child.once("exit", (code, signal) => {
        const settle = (): void => {
          clearTimeout(timer);
          this.#settle(this.#reasonOf({ code, signal, stderr: this.#stderr }));
          resolve();
        };
        const timer = setTimeout(settle, DRAIN_MS);
        // Not `close`: it does not come after an own `disconnect`.
        const settleIfDrained = (): void => {
          if (!child.connected && child.stderr?.closed !== false) settle();
        };
        child.once("disconnect", settleIfDrained);
        child.stderr?.once("close", settleIfDrained);
        settleIfDrained();
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Why it has ended; undefined while it runs. */
  get reason(): MpoError | undefined {
    return this.#reason;
  }

  /** A failure to send ends the process. */
  send(message: object): void {
    if (!this.#child.connected) return;
    this.#child.send(message, (cause) => {
      if (cause !== null) this.end(new MpoError("worker-crashed", `${this.name}: ${cause.message}`, { cause }));
    });
  }

  end(reason: MpoError): void {
    this.#settle(reason);
    const { pid } = this.#child;
    if (pid === undefined) return;
    if (this.#options.leadsGroup === true) killGroup(pid);
    else this.#child.kill("SIGKILL");
  }

  /** Closes the channel, kills it if it does not exit, and waits until it is gone, with its group. */
  async close(): Promise<void> {
    const { graceMs, leadsGroup } = this.#options;
    const closed = new MpoError("cancelled", `the ${this.name} is closed`);
    this.#settle(closed);
    if (this.#child.connected) this.#child.disconnect();
    const timer = graceMs === 0 ? undefined : setTimeout(() => this.end(closed), graceMs);
    if (timer === undefined) this.end(closed);
    await this.#gone;
    clearTimeout(timer);
    if (leadsGroup !== true || this.pid === undefined) return;
    this.end(closed);
    await groupGone(this.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #settle(reason: MpoError): void {
    this.#reason ??= reason;
    this.#resolveEnded(this.#reason);
  }

  #reasonOf(end: ProcessEnd): MpoError {
    const known = this.#options.explainEnd?.(end);
    if (known !== undefined) return known;
    const tail = end.stderr.split("\n").filter(isTelling).slice(-TAIL_LINES).join(" | ");
    const how = end.signal === null ? `exit code ${end.code}` : `signal ${end.signal}`;
    const text = `the ${this.name} ended with ${how}${tail === "" ? "" : `: ${tail}`}`;
    if (end.signal !== "SIGKILL") return new MpoError("worker-crashed", text);
    return new MpoError("worker-killed", text, { hint: "The system may be short of memory: free some, or set a cap." });
  }
}

/** The message of what Node writes about an uncaught error: not the stack, the fields, its own version. */
function isTelling(line: string): boolean {
  return /^[^\s}]/u.test(line) && !line.startsWith("Node.js v");
}

/** A file that runs as a process of its own. `name` has no ending, `from` is the caller's `import.meta.url`. */
export function entryBeside(name: string, from: string): string {
  return fileURLToPath(new URL(`./${name}${extname(from)}`, from));
}
