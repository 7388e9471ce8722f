import { MpoError } from "@mpo/core";
import { type LinkedSignal, linkSignals, Wakeup } from "@mpo/io";
import {
  compareVersions,
  type DocumentVersion,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
  notifySubject,
} from "@mpo/protocol";
import { Waits } from "@mpo/runtime";
import type { AgentParts } from "../core/agent-parts.ts";
import type { DesiredFeed } from "../ports/fleet-link.ts";

/** A replica may answer with an older document than was pushed: look again after these waits. */
const LOOK_AGAIN_MS: readonly number[] = [100, 400, 1600];
const FOREVER_MS = 2 ** 31;

export interface FeedParts extends Pick<AgentParts, "settings" | "ports" | "store"> {
  readonly onEnvelope: (envelope: Uint8Array) => Promise<void>;
}

/**
 * Follows the device's own document. A push is only a hint: the document is fetched, and offered to be checked. After
 * every gap of the connection it is looked at again, so that a device which was cut off goes to the newest in one step.
 */
export class FeedLoop {
  readonly #parts: FeedParts;
  readonly #wakeup: Wakeup;
  #servers: readonly string[] | undefined;
  #isConnected = false;

  constructor(parts: FeedParts) {
    this.#parts = parts;
    this.#wakeup = new Wakeup(parts.ports.clock);
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Takes where the feed is; it connects when that is new. */
  useServers(servers: readonly string[]): void {
    if (JSON.stringify(servers) === JSON.stringify(this.#servers)) return;
    this.#servers = servers;
    this.#wakeup.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { ports, settings } = this.#parts;
    const waits = new Waits({ ...settings.linkRetry, random: ports.random });
    let hasFailed = false;
    while (!signal.aborted) {
      const servers = this.#servers;
      let waitMs = FOREVER_MS;
      if (servers !== undefined) {
        try {
          await this.#follow(servers, signal, () => {
            waits.succeeded();
            if (hasFailed) ports.logger.info("connected to the feed of configurations again", { servers });
            hasFailed = false;
          });
          waitMs = 0;
        } catch (thrown) {
          if (signal.aborted) return;
          hasFailed = true;
          waitMs = waits.next();
          ports.logger.warn("the feed of configurations failed", { err: MpoError.from(thrown), waitMs });
        }
      }
      if (servers === this.#servers) await this.#wakeup.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  async #follow(servers: readonly string[], signal: AbortSignal, onConnected: () => void): Promise<void> {
    const { ports, settings } = this.#parts;
    using connection = linkSignals(signal);
    let feed: DesiredFeed | undefined;
    let watcher: Promise<void> = Promise.resolve();
    try {
      feed = await ports.connectFeed(servers, { signal });
      const notifications = await feed.bus.subscribe(notifySubject(settings.identity), { signal: connection.signal });
      onConnected();
      this.#isConnected = true;
      watcher = this.#endWhenServersChange(servers, connection);
      await this.#look(feed, undefined, signal);
      for await (const notification of notifications) {
        const hinted = notification.kind === "message" ? versionOf(notification.data) : undefined;
        if (notification.kind === "message" && !this.#isNews(hinted)) continue;
        await this.#look(feed, hinted, signal);
      }
    } finally {
      this.#isConnected = false;
      connection.abort();
      await watcher;
      await feed?.close();
    }
    if (!signal.aborted && servers === this.#servers) throw new MpoError("unavailable", "the subscription has ended");
  }

  /** Fetches and offers the document; again, when what was fetched is older than what was hinted. */
  async #look(feed: DesiredFeed, hinted: DocumentVersion | undefined, signal: AbortSignal): Promise<void> {
    const { ports, settings, onEnvelope } = this.#parts;
    for (const waitMs of [0, ...LOOK_AGAIN_MS]) {
      try {
        if (waitMs > 0) await ports.clock.sleep(waitMs, { signal });
        const envelope = await feed.read(settings.identity, { signal });
        if (envelope !== undefined) await onEnvelope(envelope);
        if (hinted === undefined || (envelope !== undefined && !isNewer(hinted, versionOf(envelope)))) return;
      } catch (thrown) {
        if (signal.aborted) throw thrown;
        ports.logger.warn("the device's document could not be fetched", { err: MpoError.from(thrown) });
      }
    }
  }

  #isNews(hinted: DocumentVersion | undefined): boolean {
    return hinted === undefined || isNewer(hinted, this.#parts.store.document?.version);
  }

  async #endWhenServersChange(servers: readonly string[], connection: LinkedSignal): Promise<void> {
    while (!connection.signal.aborted && servers === this.#servers) {
      await this.#wakeup.sleep(FOREVER_MS, connection.signal).catch(() => undefined);
    }
    connection.abort();
  }
}

function isNewer(version: DocumentVersion, than: DocumentVersion | undefined): boolean {
  return than === undefined || compareVersions(version, than) > 0;
}

/** The version of a document as it was pushed or stored; undefined: it cannot be read. */
function versionOf(envelope: Uint8Array): DocumentVersion | undefined {
  try {
    return desiredDocumentCodec.fromBytes(desiredEnvelopeCodec.fromBytes(envelope).document).version;
  } catch {
    return undefined;
  }
}
