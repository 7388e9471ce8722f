import { MPO_ERROR_CODES, MpoError, type MpoErrorCode } from "@mpo/core";
import type { AdminServiceMethods, RequestOf, ResponseOf } from "@mpo/protocol";
import { heardServerTime } from "../state/clock.ts";
import { signedOut } from "../state/who.ts";

/** Calls of one request and one answer. */
export type CallName = {
  [Name in keyof AdminServiceMethods]: AdminServiceMethods[Name]["isStream"] extends false ? Name : never;
}[keyof AdminServiceMethods];
export type Ask<Name extends CallName> = RequestOf<AdminServiceMethods[Name]>;
export type Answer<Name extends CallName> = ResponseOf<AdminServiceMethods[Name]>;

/** A call that has not been answered by then will not be. */
const TIMEOUT_MS = 60_000;

/** What every request carries that may change something: no other site's page can send it. */
export const OWN_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "application/json",
  "x-mpo-console": "1",
};

/** Asks the coordinator. Throws what it answers, in its words. */
export async function call<Name extends CallName>(
  name: Name,
  request: Ask<Name>,
  signal?: AbortSignal,
): Promise<Answer<Name>> {
  const response = await send(`/api/v1/${name}`, {
    method: "POST",
    headers: OWN_HEADERS,
    body: JSON.stringify(request),
    signal: anyOf(signal),
  });
  const answer = (await response.json()) as Answer<Name>;
  heardServerTime(answer);
  return answer;
}

/** Calls with many answers, one a line. */
export type StreamName = Exclude<keyof AdminServiceMethods, CallName>;

/** Asks for something that is answered in parts. Throws what the coordinator says, also after the first of them. */
export async function* callMany<Name extends StreamName>(
  name: Name,
  request: RequestOf<AdminServiceMethods[Name]>,
): AsyncGenerator<ResponseOf<AdminServiceMethods[Name]>> {
  const response = await send(`/api/v1/${name}`, {
    method: "POST",
    headers: OWN_HEADERS,
    body: JSON.stringify(request),
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (reader !== undefined) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = `${rest}${value}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const answer = JSON.parse(line) as ResponseOf<AdminServiceMethods[Name]> | { readonly error: unknown };
      if ("error" in answer) throw errorOf(answer.error, 500);
      yield answer;
    }
  }
}

/** Sends a request of this page. Throws an error of the coordinator's, or `unavailable` when it does not answer. */
export async function send(path: string, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", redirect: "error", ...options });
  } catch (thrown) {
    if (thrown instanceof DOMException && thrown.name === "AbortError") throw MpoError.from(thrown);
    throw new MpoError("unavailable", "the coordinator does not answer", {
      cause: thrown,
      hint: "It is asked again by itself. If this stays: is it running, and is this machine on its network?",
    });
  }
  if (response.ok) return response;
  if (response.status === 401) signedOut();
  throw await errorIn(response);
}

async function errorIn(response: Response): Promise<MpoError> {
  return errorOf(await response.json().catch(() => undefined), response.status);
}

function errorOf(said: unknown, status: number): MpoError {
  const { code, message, hint } = (typeof said === "object" && said !== null ? said : {}) as Record<string, unknown>;
  const isKnown = MPO_ERROR_CODES.includes(code as MpoErrorCode);
  const words = typeof message === "string" ? message : `the coordinator answered ${status}`;
  return new MpoError(isKnown ? (code as MpoErrorCode) : "internal", words, {
    hint: typeof hint === "string" ? hint : undefined,
  });
}

function anyOf(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}
