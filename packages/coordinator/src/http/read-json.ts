import type { IncomingMessage } from "node:http";
import { MpoError } from "@mpo/core";
import { abortError, bytesWithin } from "@mpo/io";

/** As long as a message over gRPC may be. */
export const MAX_BODY_BYTES = 4_194_304;
/** The deepest message has 9: a schedule inside a chosen configuration. */
const MAX_DEPTH = 32;

/** The JSON of a request. Throws `invalid-argument` for what is too long, too deep, not UTF-8, or not JSON. */
export async function readJson(request: IncomingMessage, signal: AbortSignal, most = MAX_BODY_BYTES): Promise<unknown> {
  requireJsonType(request);
  // Before any of it is read.
  if (Number(request.headers["content-length"] ?? 0) > most) throw tooLong(most);
  const body = await bytesWithin(request, most).catch((thrown: unknown) => {
    throw signal.aborted ? abortError(signal) : thrown;
  });
  if (body === undefined) throw tooLong(most);
  return parsed(body);
}

/** Forms and plain texts can be sent by a page of any site, without asking; JSON cannot. */
function requireJsonType({ headers }: IncomingMessage): void {
  const type = headers["content-type"] ?? "";
  if (/^application\/json(?:;\s*charset=utf-8)?$/iu.test(type)) return;
  throw new MpoError("invalid-argument", "the request's content-type is not application/json");
}

function parsed(body: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new MpoError("invalid-argument", "the request is not UTF-8");
  }
  requireShallow(text);
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new MpoError("invalid-argument", "the request is not valid JSON", { cause: thrown });
  }
}

/** By the brackets outside of texts, before it is parsed: a bomb of brackets costs more than its length says. */
function requireShallow(text: string): void {
  let depth = 0;
  let isInText = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (isInText && character === "\\") index += 1;
    else if (character === '"') isInText = !isInText;
    else if (isInText) continue;
    else if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth -= 1;
    if (depth > MAX_DEPTH) throw new MpoError("invalid-argument", `the request is nested more than ${MAX_DEPTH} deep`);
  }
}

function tooLong(most: number): MpoError {
  return new MpoError("invalid-argument", `the request has more than ${most / 1_048_576} MiB`);
}
