import { authorityOfChain } from "@mpo/identity";
import { type Abortable, throwIfAborted } from "@mpo/io";
import { isTransient } from "@mpo/runtime";
import { fetchChain } from "./fetch-chain.ts";

/** A fleet's authority, and who has shown it. */
export interface FoundAuthority {
  readonly caPem: string;
  /** "host:port". */
  readonly target: string;
}

/**
 * The authority with a fingerprint, from the first coordinator that shows a certificate of it; nothing is sent to any.
 * `onFailure` hears of each that does not. Throws what went wrong with one: `unauthenticated` when only others answer.
 */
export async function findAuthority(
  targets: readonly string[],
  caDigest: string,
  onFailure: (target: string, thrown: unknown) => void,
  options: Abortable = {},
): Promise<FoundAuthority> {
  let failure: unknown;
  for (const target of targets) {
    try {
      return { caPem: authorityOfChain(await fetchChain(target, options), caDigest), target };
    } catch (thrown) {
      throwIfAborted(options.signal);
      onFailure(target, thrown);
      // One that could not be asked may be the right one.
      if (failure === undefined || isTransient(thrown)) failure = thrown;
    }
  }
  throw failure;
}
