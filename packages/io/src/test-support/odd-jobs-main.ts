import { fork } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { MpoError } from "@mpo/core";
import { serveCalls } from "../process/serve-calls.ts";

/** What the process of the tests can be asked. */
export interface OddJobs {
  readonly add: { readonly request: readonly number[]; readonly answer: number; readonly progress: number };
  readonly refuse: { readonly request: string; readonly answer: never };
  readonly exit: { readonly request: { readonly code: number; readonly text: string }; readonly answer: never };
  /** Answers when it is cancelled. */
  readonly obey: { readonly request: null; readonly answer: string };
  /** Blocks for a number of milliseconds. */
  readonly block: { readonly request: number; readonly answer: null };
  /** Starts another process, and answers its id. */
  readonly multiply: { readonly request: null; readonly answer: number };
}

serveCalls<OddJobs>({
  add: (numbers, { onProgress }) =>
    numbers.reduce((sum, number) => {
      onProgress(sum + number);
      return sum + number;
    }, 0),
  refuse: (what) => {
    throw new MpoError("unsupported", what, { hint: "Ask for something else." });
  },
  exit: ({ code, text }) => {
    process.stderr.write(text);
    process.exit(code);
  },
  obey: async (_, { signal }) => {
    while (!signal.aborted) await setTimeout(5);
    return "obeyed";
  },
  block: (ms) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    return null;
  },
  multiply: async () => {
    const child = fork(fileURLToPath(import.meta.url), { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    await new Promise((resolve) => child.once("spawn", resolve));
    return child.pid ?? 0;
  },
});
