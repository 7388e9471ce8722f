import { EventEmitter } from "node:events";
import type { StopSignal } from "@mpo/runtime";
import { runCli } from "../run-cli.ts";

/** What a command said and how it ended. */
export interface CommandOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output, one JSON object a line. */
  readonly records: readonly Record<string, unknown>[];
}

export interface StartedCommand {
  readonly outcome: Promise<CommandOutcome>;
  signal(name: StopSignal): void;
  /** The first object on standard output that fits, now or later. Rejects when the command ends without one. */
  record(fits: (record: Readonly<Record<string, unknown>>) => boolean): Promise<Record<string, unknown>>;
}

/** Starts `mpo` in this process. `onError` sees standard error as it grows. */
export function startCommand(
  args: readonly string[],
  {
    onError = () => undefined,
    environment = process.env,
    ...installed
  }: {
    readonly onError?: (stderr: string, command: EventEmitter) => void;
    readonly environment?: Readonly<Record<string, string | undefined>>;
    readonly configFolder?: string;
    readonly userName?: string;
  } = {},
): StartedCommand {
  const process_ = Object.assign(new EventEmitter(), { exit: () => undefined });
  const written = new EventEmitter();
  written.setMaxListeners(0);
  let stdout = "";
  let stderr = "";
  const recordsOf = (): Record<string, unknown>[] =>
    stdout
      .slice(0, stdout.lastIndexOf("\n") + 1)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const outcome = runCli(args, {
    environment,
    ...installed,
    workingFolder: process.cwd(),
    stdout: {
      write: (text) => {
        stdout += text;
        written.emit("text");
      },
    },
    stderr: {
      write: (text) => {
        stderr += text;
        onError(stderr, process_);
      },
    },
    process: process_,
  }).then((code) => ({ code, stdout, stderr, records: args.includes("--json") ? recordsOf() : [] }));
  return {
    outcome,
    signal: (name) => void process_.emit(name),
    record: async (fits) => {
      let look = (): void => undefined;
      const found = new Promise<Record<string, unknown>>((resolve) => {
        look = () => {
          const record = recordsOf().find(fits);
          if (record !== undefined) resolve(record);
        };
        written.on("text", look);
        look();
      });
      const ended = outcome.then(({ code }) => {
        throw new Error(`mpo ${args.join(" ")} ended with ${code} before it printed that:\n${stderr}`);
      });
      try {
        return await Promise.race([found, ended]);
      } finally {
        written.off("text", look);
        ended.catch(() => undefined);
      }
    },
  };
}

/** Runs `mpo` in this process. `interruptWhen` sees standard error as it grows; true means Ctrl-C, once. */
export async function runCommand(
  args: readonly string[],
  {
    interruptWhen = () => false,
    ...rest
  }: {
    readonly interruptWhen?: (stderr: string) => boolean;
    readonly environment?: Readonly<Record<string, string | undefined>>;
    readonly configFolder?: string;
    readonly userName?: string;
  } = {},
): Promise<CommandOutcome> {
  let isInterrupted = false;
  const onError = (stderr: string, command: EventEmitter): void => {
    if (isInterrupted || !interruptWhen(stderr)) return;
    isInterrupted = true;
    command.emit("SIGINT");
  };
  return await startCommand(args, { onError, ...rest }).outcome;
}
