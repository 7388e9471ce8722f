import { EventEmitter } from "node:events";
import { runCli } from "../run-cli.ts";

/** What a command said and how it ended. */
export interface CommandOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output, one JSON object a line. */
  readonly records: readonly Record<string, unknown>[];
}

/** Runs `mpo` in this process. `interruptWhen` sees standard error as it grows; true means Ctrl-C, once. */
export async function runCommand(
  args: readonly string[],
  { interruptWhen = () => false }: { readonly interruptWhen?: (stderr: string) => boolean } = {},
): Promise<CommandOutcome> {
  const process_ = Object.assign(new EventEmitter(), { exit: () => undefined });
  let stdout = "";
  let stderr = "";
  let isInterrupted = false;
  const code = await runCli(args, {
    environment: process.env,
    workingFolder: process.cwd(),
    stdout: { write: (text) => (stdout += text) },
    stderr: {
      write: (text) => {
        stderr += text;
        if (isInterrupted || !interruptWhen(stderr)) return;
        isInterrupted = true;
        process_.emit("SIGINT");
      },
    },
    process: process_,
  });
  const lines = args.includes("--json") ? stdout.split("\n").filter((line) => line !== "") : [];
  return { code, stdout, stderr, records: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}
