import { Wakeup } from "@mpo/io";
import type { DocumentService } from "../documents/document-service.ts";
import type { Registry } from "../registry/registry.ts";
import type { SearchService } from "../search/search-service.ts";
import type { StoreContext } from "../store/change-entry.ts";
import type { FleetAuthority } from "./authority.ts";

interface SignAgainParts extends Pick<StoreContext, "clock" | "logger"> {
  readonly authority: FleetAuthority;
  readonly registry: Registry;
  readonly documents: DocumentService;
  readonly searches: SearchService;
}

/** Looks at what is in memory: also after a start, and when an older copy of the store was put back. */
const LOOK_MS = 10_000;

/**
 * Sends every device its document again, signed by the keys of the newest epoch, when those before are retired: a device
 * that has heard of the new keys believes no other. Until the signal aborts.
 */
export async function signAgain(parts: SignAgainParts, signal: AbortSignal): Promise<void> {
  const { authority, clock, logger } = parts;
  const wakeup = new Wakeup(clock);
  const off = authority.onChange(() => wakeup.wake());
  try {
    while (!signal.aborted) {
      await signAll(parts, signal).catch((err: unknown) => {
        if (!signal.aborted) logger.warn("not all configurations could be signed again; later the rest", { err });
      });
      await wakeup.sleep(LOOK_MS, signal).catch(() => undefined);
    }
  } finally {
    off();
  }
}

async function signAll({ registry, documents, searches, logger }: SignAgainParts, signal: AbortSignal): Promise<void> {
  let count = 0;
  for (const { identity } of [...registry.devices()]) {
    const version = documents.version(identity);
    if (version === undefined || version.epoch >= documents.epoch) continue;
    if ((await searches.raise(identity, { signal })) !== undefined) count += 1;
  }
  if (count > 0) logger.info("configurations were signed by the new keys", { count, epoch: documents.epoch });
}
