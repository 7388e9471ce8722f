import { MpoError } from "@mpo/core";
import { bytesWithin, type Clock, isPrivateUrl, withDeadline } from "@mpo/io";
import type { Fetch } from "../identity/issuer-keys.ts";

/** Hosts ("HOST" or "HOST:PORT") that rollouts may ask; empty: none. */
export type HookHosts = readonly string[];

/** Why an address must not be asked, in words; undefined: it may be. What a file names must not reach into our network. */
export function addressFault(address: string, hosts: HookHosts): string | undefined {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return `${JSON.stringify(address)} is not an address such as "https://host/path"`;
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return `${address} is neither https nor http`;
  if (url.username !== "" || url.password !== "")
    return `${url.host} must not be given a name or a password in the file`;
  if (!hosts.includes(url.host) && !hosts.includes(url.hostname))
    return `this coordinator may not ask ${url.host}: start it with --allow-hooks ${url.host}`;
  return isPrivateUrl(address) ? undefined : `${address} would be asked in clear text: use https`;
}

export interface OutsideParts {
  readonly clock: Clock;
  readonly fetch: Fetch;
  readonly hosts: HookHosts;
}

const ANSWER_MS = 10_000;
const MAX_BYTES = 65_536;

/** The text that an address answers with. Throws `unavailable` in words for anything but a 200. */
export async function ask(
  { clock, fetch, hosts }: OutsideParts,
  address: string,
  body: unknown,
  signal: AbortSignal,
): Promise<string> {
  const fault = addressFault(address, hosts);
  if (fault !== undefined) throw new MpoError("unavailable", fault);
  const { host } = new URL(address);
  try {
    return await withDeadline(
      `the answer of ${host}`,
      ANSWER_MS,
      async (ending) => {
        const options: RequestInit =
          body === undefined
            ? { headers: { accept: "application/json" } }
            : {
                method: "POST",
                headers: { "content-type": "application/json", accept: "application/json" },
                body: JSON.stringify(body),
              };
        // An answer that sends us elsewhere is no answer: that place was not allowed.
        const response = await fetch(address, { ...options, redirect: "manual", signal: ending });
        if (response.status !== 200) {
          await response.body?.cancel();
          throw new MpoError("unavailable", `${host} answers ${response.status}`);
        }
        const answer = await bytesWithin((response.body ?? []) as AsyncIterable<Uint8Array>, MAX_BYTES);
        if (answer === undefined) throw new MpoError("unavailable", `the answer is longer than ${MAX_BYTES} bytes`);
        return answer.toString("utf8");
      },
      { signal, clock },
    );
  } catch (thrown) {
    if (signal.aborted || thrown instanceof MpoError) throw thrown;
    throw new MpoError("unavailable", `${host} cannot be asked`, { cause: thrown });
  }
}
