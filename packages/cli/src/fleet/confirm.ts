import { createInterface } from "node:readline/promises";
import { MpoError } from "@mpo/core";
import type { Output, Stop } from "../command-context.ts";

/** Returns when a person has said yes. */
export async function confirm(
  question: string,
  { yes }: { readonly yes: boolean },
  { terminal, signal }: Output & Stop,
): Promise<void> {
  if (yes) return;
  if (!terminal.interactive || process.stdin.isTTY !== true) {
    throw new MpoError("precondition-failed", `there is no one to ask: ${question}`, {
      hint: "Look at it with --dry-run, then give --yes.",
    });
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal });
    if (/^y(es)?$/iu.test(answer.trim())) return;
  } finally {
    lines.close();
  }
  throw new MpoError("cancelled", "nothing was changed");
}
