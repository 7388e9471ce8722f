import { hasCode, MpoError } from "@mpo/core";
import { Wakeup } from "@mpo/io";
import { type ArtifactVersion, artifactDigest, artifactManifestCodec, LIMITS, versionName } from "@mpo/protocol";
import { isTransient, Waits } from "@mpo/runtime";
import type { AgentParts } from "../core/agent-parts.ts";
import type { ArtifactPorts } from "../core/agent-ports.ts";
import type { PartialModel } from "../ports/model-shelf.ts";

/** A published version that the device is to have. */
export interface WantedVersion {
  readonly model: string;
  readonly artifact: ArtifactVersion;
}

export interface FetchParts extends Pick<AgentParts, "settings" | "ports" | "store"> {
  readonly artifacts: ArtifactPorts;
  /** It is here, whole. */
  readonly onFetched: (wanted: WantedVersion) => Promise<void>;
  /** It will not come: not as it was published, or there is no room for it. */
  readonly onRefused: (wanted: WantedVersion, message: string) => Promise<void>;
}

/** Parts of a chunk. A slow link carries the smallest in seconds (2G), a fast one whole chunks. */
const LEAST_PART_BYTES = 4_096;
const FIRST_PART_BYTES = 32_768;
/** A part that takes longer is followed by smaller ones: heartbeats share the link. */
const LONG_PART_MS = 2_000;
/** A coordinator takes so many calls of a device for granted, and has others to answer. */
const LEAST_PAUSE_MS = 40;
/** Answers in a row that are wrong, or say that it does not exist: a coordinator may be behind the others for a while. */
const MOST_REFUSALS = 4;
const IDLE_MS = 3_600_000;

/** Fetches published versions, one at a time, beside the work of the agent. What has arrived is never fetched again. */
export class ModelFetch {
  readonly #parts: FetchParts;
  readonly #wakeup: Wakeup;
  #wanted: WantedVersion | undefined;
  #problem: string | undefined;
  #partBytes = FIRST_PART_BYTES;
  #refusals = 0;

  constructor(parts: FetchParts) {
    this.#parts = parts;
    this.#wakeup = new Wakeup(parts.ports.clock);
  }

  /** Why what is wanted has not come yet; undefined: nothing is wrong. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Fetches this version, and no other any more; undefined: none. */
  want(wanted: WantedVersion | undefined): void {
    const before = this.#wanted;
    if (before?.artifact.digest === wanted?.artifact.digest && before?.model === wanted?.model) return;
    this.#begin(wanted);
    this.#wakeup.wake();
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { ports, settings } = this.#parts;
    const waits = new Waits({ ...settings.linkRetry, random: ports.random });
    while (!signal.aborted) {
      const wanted = this.#wanted;
      let waitMs = IDLE_MS;
      try {
        if (wanted !== undefined) {
          await this.#fetch(wanted, signal);
          waits.succeeded();
          if (this.#wanted !== wanted) continue;
          this.#begin(undefined);
          await this.#parts.onFetched(wanted);
          continue;
        }
      } catch (thrown) {
        if (signal.aborted) return;
        if (wanted !== this.#wanted) continue;
        waitMs = await this.#failed(wanted as WantedVersion, MpoError.from(thrown), waits);
      }
      await this.#wakeup.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  #begin(wanted: WantedVersion | undefined): void {
    this.#wanted = wanted;
    this.#problem = undefined;
    this.#refusals = 0;
  }

  async #fetch(wanted: WantedVersion, signal: AbortSignal): Promise<void> {
    const { artifacts, settings, ports, store } = this.#parts;
    const { identity } = settings;
    const { model, artifact } = wanted;
    if (await artifacts.shelf.has(model, artifact)) return;
    const call = { signal, retries: 0 };
    const { manifest } = await artifacts.link.getArtifact({ identity, digest: artifact.digest }, call);
    const { name } = artifactManifestCodec.fromBytes(manifest);
    if (artifactDigest(manifest) !== artifact.digest || name !== model) {
      throw new MpoError("invalid-data", "the coordinator's manifest is not the one that was signed");
    }
    const kept = store.lastGood?.artifact;
    const partial = await artifacts.shelf.receive(model, manifest, kept === undefined ? [] : [kept]);
    const version = versionName({ name: model, version: artifact.version });
    const { hereBytes, totalBytes } = partial;
    ports.logger.info("a published model is fetched", { model: version, totalBytes, hereBytes });
    while (partial.next !== undefined) {
      await partial.add(await this.#chunk(wanted, partial.next, signal));
      this.#problem = undefined;
      this.#refusals = 0;
      if (this.#wanted !== wanted) return;
    }
    await partial.finish();
    ports.logger.info("a published model is here", { model: version });
  }

  /** A chunk, in parts of what the link carries well, with pauses in which other calls get through. */
  async #chunk(
    { artifact }: WantedVersion,
    { digest, bytes }: NonNullable<PartialModel["next"]>,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { artifacts, settings, ports } = this.#parts;
    const { clock } = ports;
    const chunk = Buffer.alloc(bytes);
    for (let offset = 0; offset < bytes; ) {
      const length = Math.min(this.#partBytes, bytes - offset);
      const beganMs = clock.monotonicMs();
      const request = { identity: settings.identity, artifact: artifact.digest, chunk: digest, offset, length };
      const { part } = await artifacts.link
        .getArtifactChunk(request, { signal, retries: 0 })
        .catch((thrown: unknown) => {
          if (hasCode(thrown, "timed-out")) this.#partBytes = Math.max(LEAST_PART_BYTES, this.#partBytes / 4);
          throw thrown;
        });
      if (part.length > length) throw new MpoError("invalid-data", "the coordinator sends more than was asked for");
      chunk.set(part, offset);
      offset += part.length;
      const tookMs = clock.monotonicMs() - beganMs;
      if (tookMs > LONG_PART_MS) this.#partBytes = Math.max(LEAST_PART_BYTES, this.#partBytes / 2);
      else if (tookMs < LONG_PART_MS / 4) this.#partBytes = Math.min(LIMITS.chunkBytes, this.#partBytes * 2);
      await clock.sleep(Math.max(LEAST_PAUSE_MS, tookMs), { signal });
    }
    return chunk;
  }

  async #failed(wanted: WantedVersion, error: MpoError, waits: Waits): Promise<number> {
    const { logger } = this.#parts.ports;
    const version = versionName({ name: wanted.model, version: wanted.artifact.version });
    const isNoRoom = error.code === "over-budget";
    if (!isTransient(error) && hasCode(error, "invalid-data", "not-found", "invalid-argument", "unsupported"))
      this.#refusals += 1;
    if (isNoRoom || this.#refusals >= MOST_REFUSALS) {
      this.#begin(undefined);
      await this.#parts.onRefused(wanted, error.message);
      return 0;
    }
    this.#problem = `${version} is not fetched yet: ${error.message}`;
    const waitMs = waits.next();
    logger.warn("a published model could not be fetched yet", { model: version, err: error, waitMs });
    return waitMs;
  }
}
