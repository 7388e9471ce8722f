import { counted, MpoError } from "@mpo/core";
import type { Output } from "../command-context.ts";
import { type CheckedFile, faultLines } from "./written-file.ts";

/** Says all that is wrong with some files. Throws `invalid-data` where there is something. */
export async function reportFaults(
  paths: readonly string[],
  { terminal }: Output,
  check: (path: string) => Promise<CheckedFile>,
): Promise<void> {
  let mistakes = 0;
  for (const path of paths) {
    const file = await check(path);
    mistakes += file.faults.length;
    if (file.faults.length === 0) terminal.line(`${file.place}: sound`);
    for (const line of faultLines(file)) terminal.line(line);
    terminal.record({ file: file.place, isSound: file.faults.length === 0, mistakes: file.faults });
  }
  if (mistakes > 0)
    throw new MpoError("invalid-data", `${counted(mistakes, "mistake")} in ${counted(paths.length, "file")}`);
}
