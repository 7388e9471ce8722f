import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { MpoError } from "@mpo/core";
import { type Abortable, abortError, fileError } from "@mpo/io";
import type { Files, Output } from "../command-context.ts";

/** Characters; longer than any line that lets somebody in. */
const MAX_LENGTH = 8192;

/**
 * A secret as a command takes it: `@FILE`, `-` for standard input, or the text itself, which everybody on the machine can
 * see while the command runs.
 */
export async function secretArgument(
  argument: string,
  { workingFolder, terminal }: Pick<Files, "workingFolder"> & Output,
  { signal }: Abortable = {},
): Promise<string> {
  if (argument === "-") {
    if (process.stdin.isTTY) terminal.note("paste the line, and press Enter:");
    return await readLine(process.stdin, "standard input", signal);
  }
  if (!argument.startsWith("@")) {
    terminal.note(
      "everybody on this machine can see what a command is given: @FILE keeps the line from others, - pastes it",
    );
    return argument;
  }
  const path = resolve(workingFolder, argument.slice(1));
  try {
    await using file = await open(path, "r");
    return await readLine(file.createReadStream({ autoClose: false }), path, signal);
  } catch (thrown) {
    throw fileError(thrown, "read", path);
  }
}

async function readLine(stream: NodeJS.ReadableStream, place: string, signal?: AbortSignal): Promise<string> {
  const onAbort = (): void => void stream.emit("error", signal && abortError(signal));
  signal?.addEventListener("abort", onAbort, { once: true });
  let text = "";
  try {
    for await (const piece of stream.setEncoding("utf8")) {
      text += piece as string;
      // Nobody ends what is typed by hand.
      if (stream === process.stdin && process.stdin.isTTY && /\S.*\n/u.test(text)) break;
      if (text.length > MAX_LENGTH) throw new MpoError("invalid-data", `${place} holds more than one line of a token`);
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  // `npm run` writes its own lines before it.
  const [line, other] = text.split(/\s+/u).filter((word) => word.startsWith("mpo-"));
  if (line !== undefined && other === undefined) return line;
  if (text.trim() !== "") return text.trim();
  throw new MpoError("invalid-data", `${place} is empty; expected the line that was printed`);
}
