import type { Clock } from "@mpo/io";
import type { AdminServiceMethods, RequestOf, ResponseOf } from "@mpo/protocol";
import { FLEET_LAYOUT, STREAMS, type StateStore, streamOf } from "@mpo/transport";
import type { ChainLink } from "./audit-chain.ts";
import { ChainCheck, type ChainCheckOptions, MAX_FINDINGS } from "./chain-check.ts";

type Verify = AdminServiceMethods["verifyEvents"];

export interface VerifyParts extends Pick<ChainCheckOptions, "checkSeal"> {
  readonly clock: Clock;
  readonly store: Pick<StateStore, "read">;
  /** Entries that must be there. */
  readonly known: () => readonly ChainLink[];
}

const PAGE = 1_000;
/** A fleet is not silent for longer: what is missing before younger entries was not removed for its age. */
const SILENT_MS = 30 * 86_400_000;
const { maxAgeMs = Number.POSITIVE_INFINITY } = streamOf(FLEET_LAYOUT, STREAMS.audit);

/**
 * Checks the events of all tenants, or those since a moment, page by page: between two pages others have their turn. What
 * is found comes at once, and the sums with it.
 */
export async function* verifyEvents(
  { store, clock, known, checkSeal }: VerifyParts,
  { sinceMs }: RequestOf<Verify>,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<ResponseOf<Verify>, void, undefined> {
  // Before the walk: what is stored meanwhile may come after its end.
  const mustBeThere = known();
  const newest = Math.max(0, ...mustBeThere.map(({ sequence }) => sequence));
  let from = sinceMs === undefined ? 1 : await firstSince(store, sinceMs, newest, signal);
  const check = new ChainCheck({
    ...{ checkSeal, from },
    ...(sinceMs === undefined && { agedMs: clock.now() - maxAgeMs + SILENT_MS }),
  });
  let reported = 0;
  const answer = (isDone: boolean): ResponseOf<Verify> => {
    const findings = check.findings.slice(reported);
    reported += findings.length;
    return { ...check.summary, findings, isDone };
  };
  for (let isWhole = false; !isWhole && check.findings.length < MAX_FINDINGS; ) {
    const page = await store.read(STREAMS.audit, { from, limit: PAGE, signal });
    for (const event of page) check.add(event);
    from = (page.at(-1)?.sequence ?? from) + 1;
    isWhole = page.length < PAGE;
    if (!isWhole) yield answer(false);
  }
  if (check.findings.length < MAX_FINDINGS) check.end(mustBeThere);
  yield answer(true);
}

/** Where the events since a moment begin, by halves. */
async function firstSince(
  store: VerifyParts["store"],
  sinceMs: number,
  newest: number,
  signal: AbortSignal,
): Promise<number> {
  let [low, high] = [1, newest + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [event] = await store.read(STREAMS.audit, { from: middle, limit: 1, signal });
    if (event === undefined || event.storedAtMs >= sinceMs) high = middle;
    else low = event.sequence + 1;
  }
  return low;
}
