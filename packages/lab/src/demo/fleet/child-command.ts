import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { MpoError } from "@mpo/core";
import { killGroup } from "@mpo/io";
import type { MemoryGroup } from "../../isolation/memory-group.ts";
import { MPO_ENTRY } from "../../product-files.ts";
import { Changes } from "./changes.ts";

/** One line of JSON that a command printed. */
export type CommandRecord = Readonly<Record<string, unknown>>;

export interface ChildCommandOptions {
  /** What the processes are called in messages. */
  readonly name: string;
  /** What follows `mpo` on the command line; `--json` is added. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  /** Its log is written there. */
  readonly logFile: string;
  /** Where it runs. Default: where this process does. */
  readonly group?: MemoryGroup | undefined;
  readonly onLog: (line: CommandRecord) => void;
  /** It has ended unexpectedly. */
  readonly onFailure: (error: MpoError) => void;
}

const LOG_TAIL = 5;

/**
 * An `mpo` command in a process of its own, as a user would start it in another terminal. It gets a process group of
 * its own too: Ctrl-C reaches the demo alone, which stops its children in order.
 */
export class ChildCommand {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #records: CommandRecord[] = [];
  readonly #changes = new Changes();
  readonly #logTail: string[] = [];
  readonly #exited: Promise<void>;
  #hasExited = false;
  #isStopping = false;

  constructor(options: ChildCommandOptions) {
    const { name, args, environment, workingFolder, logFile, group, onLog, onFailure } = options;
    this.name = name;
    const log = createWriteStream(logFile, { flags: "a" });
    // A log that cannot be written must not end the demo.
    log.on("error", () => undefined);
    const command = [...process.execArgv, MPO_ENTRY, ...args, "--json"];
    const [program, own] = group?.command(process.execPath, command) ?? [process.execPath, command];
    this.#child = spawn(program, own, {
      cwd: workingFolder,
      env: { ...environment },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    this.#exited = new Promise((resolve) => {
      const end = (): void => {
        this.#hasExited = true;
        log.end();
        this.#changes.tell();
        if (!this.#isStopping) onFailure(this.#failure());
        resolve();
      };
      this.#child.once("error", end);
      this.#child.once("exit", end);
    });
    this.#child.stdin?.on("error", () => undefined);
    readLines(this.#child.stdout, (line) => {
      const record = parsed(line);
      if (record === undefined) return;
      this.#records.push(record);
      this.#changes.tell();
    });
    readLines(this.#child.stderr, (line) => {
      log.write(`${line}\n`);
      const record = parsed(line);
      if (record !== undefined) onLog(record);
      this.#logTail.push(line);
      this.#logTail.splice(0, this.#logTail.length - LOG_TAIL);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The newest record of a kind. */
  latest(event: string): CommandRecord | undefined {
    return this.#records.findLast((record) => record["event"] === event);
  }

  /** Writes a line to its standard input, as somebody at a keyboard would. */
  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Waits until `find` finds something in what it has printed. Throws `unavailable` when it ends before that. */
  async until<Found>(find: (child: this) => Found | undefined, signal: AbortSignal): Promise<Found> {
    return await this.#changes.until(() => {
      const found = find(this);
      if (found === undefined && this.#hasExited) throw this.#failure();
      return found;
    }, signal);
  }

  /** Asks it to stop, and kills it and its children when it does not. */
  async stop(graceMs: number): Promise<void> {
    if (this.#isStopping) return await this.#exited;
    this.#isStopping = true;
    const { pid } = this.#child;
    if (pid === undefined) return;
    if (!this.#hasExited) this.#child.kill("SIGTERM");
    const timer = setTimeout(() => killGroup(pid), graceMs);
    await this.#exited;
    clearTimeout(timer);
    // Whatever it may have left.
    killGroup(pid);
  }

  /** With the end of its log. */
  #failure(): MpoError {
    const tail = this.#logTail.map((line) => `\n  ${line}`).join("");
    return new MpoError("unavailable", `${this.name} has ended (exit code ${this.#child.exitCode})${tail}`);
  }
}

function readLines(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on("line", onLine);
}

function parsed(line: string): CommandRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as CommandRecord) : undefined;
  } catch {
    return undefined;
  }
}
