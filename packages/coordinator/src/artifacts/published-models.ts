import { createHash } from "node:crypto";
import { type Chain, MpoError } from "@mpo/core";
import { type ArtifactManifest, artifactManifestCodec, chainCodec, versionName } from "@mpo/protocol";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import type { ProfileService } from "../profiles/profile-service.ts";
import { Recent } from "../search/recent.ts";
import { isConflict, type StoreContext } from "../store/change-entry.ts";
import { WatchedMap, type Watching } from "../store/watched-map.ts";
import { type ChunkStore, chunkDigest } from "./chunk-store.ts";
import { type Published, publishedFromBytes, publishedKey, publishedOf, publishedToBytes } from "./published-record.ts";

/** 16 MiB: what a wave of devices fetches at the same time is read once. */
const KEPT_CHUNKS = 64;
/** Chunks that are looked for at the same time. */
const LOOKS_AT_ONCE = 8;
/** An upload that was broken off for so long is not resumed: its chunks may go. */
const UPLOAD_MS = 86_400_000;

/** A model as it is published. */
export interface Publication {
  readonly tenant: string;
  readonly manifest: ArtifactManifest;
  readonly chain: Chain;
  readonly publisher: string;
}

/** Published models: each version once and for good, its bytes as chunks that versions share. */
export class PublishedModels {
  readonly #context: StoreContext;
  readonly #chunks: ChunkStore;
  readonly #profiles: Pick<ProfileService, "keepChain">;
  readonly #models: WatchedMap<Published>;
  readonly #byDigest = new Map<string, Published>();
  readonly #recent = new Recent<Uint8Array>(KEPT_CHUNKS);

  constructor(context: StoreContext, chunks: ChunkStore, profiles: Pick<ProfileService, "keepChain">) {
    this.#context = context;
    this.#chunks = chunks;
    this.#profiles = profiles;
    this.#models = new WatchedMap(context, {
      bucket: BUCKETS.model,
      read: ({ key, value }) => publishedFromBytes(key, value),
      onChange: (_, now, before) => {
        if (before !== undefined) this.#byDigest.delete(digestKey(before.value));
        if (now !== undefined) this.#byDigest.set(digestKey(now.value), now.value);
      },
    });
  }

  get watches(): readonly Watching[] {
    return [this.#models];
  }

  /** All versions of a tenant's models, or of one of them, in no order. */
  list(tenant: string, name?: string): readonly Published[] {
    const all = [...this.#models.entries()].map(([, { value }]) => value);
    return all.filter((one) => one.tenant === tenant && (name === undefined || one.manifest.name === name));
  }

  /** A version, or the newest. Throws `not-found`. */
  required(tenant: string, name: string, version?: number): Published {
    const versions = this.list(tenant, name).toSorted((a, b) => b.manifest.version - a.manifest.version);
    const found = version === undefined ? versions[0] : versions.find((one) => one.manifest.version === version);
    if (found !== undefined) return found;
    const there = versions.map((one) => versionName(one.manifest)).join(", ") || "none";
    const wanted = version === undefined ? name : versionName({ name, version });
    throw new MpoError("not-found", `no model ${wanted} is published; of ${name} there is ${there}`, {
      hint: "mpo models published lists what is there; mpo models publish adds to it.",
    });
  }

  byDigest(tenant: string, digest: string): Published | undefined {
    return this.#byDigest.get(digestKey({ tenant, digest }));
  }

  /** Those of these chunks that are not stored whole. */
  async missing(chunks: readonly string[], options: StoreCallOptions = {}): Promise<readonly string[]> {
    const missing: string[] = [];
    const all = [...new Set(chunks)];
    for (let at = 0; at < all.length; at += LOOKS_AT_ONCE) {
      const some = all.slice(at, at + LOOKS_AT_ONCE);
      const found = await Promise.all(some.map((digest) => this.#chunks.read(digest, options)));
      missing.push(...some.filter((_, index) => found[index] === undefined));
    }
    return missing;
  }

  async putChunk(chunk: Uint8Array, options: StoreCallOptions = {}): Promise<string> {
    const digest = chunkDigest(chunk);
    await this.#chunks.write(digest, chunk, options);
    return digest;
  }

  /** A chunk's bytes. Throws `unavailable` when they are lost: the model can be published again. */
  async chunk(digest: string, options: StoreCallOptions = {}): Promise<Uint8Array> {
    const chunk = this.#recent.get(digest) ?? (await this.#chunks.read(digest, options));
    if (chunk === undefined) {
      throw new MpoError("unavailable", `chunk ${digest.slice(0, 12)} of a published model is lost or damaged`, {
        hint: "Publish the same version of the model again: what is missing is stored again.",
      });
    }
    this.#recent.set(digest, chunk);
    return chunk;
  }

  /**
   * Publishes a version. Throws `already-exists` when it is another model already, `precondition-failed` when chunks are
   * missing, `invalid-argument` when the chain is not the manifest's.
   */
  async publish(
    { tenant, manifest, chain, publisher }: Publication,
    options: StoreCallOptions = {},
  ): Promise<{ readonly model: Published; readonly isDuplicate: boolean }> {
    const bytes = artifactManifestCodec.toBytes(manifest);
    const model = publishedOf(tenant, bytes, { publishedAtMs: this.#context.clock.now(), publisher });
    if (createHash("sha256").update(chainCodec.toBytes(chain)).digest("hex") !== manifest.chainDigest) {
      throw new MpoError("invalid-argument", `the chain of ${versionName(manifest)} is not the one of its manifest`);
    }
    const missing = await this.missing([...model.chunks], options);
    if (missing.length > 0) {
      const message = `${missing.length} of ${model.chunks.size} chunks of ${versionName(manifest)} are not stored`;
      throw new MpoError("precondition-failed", message, { hint: "Publish it again: what is missing is uploaded." });
    }
    await this.#profiles.keepChain(chain, options);
    const key = publishedKey(tenant, manifest);
    try {
      const revision = await this.#context.store.create(BUCKETS.model, key, publishedToBytes(model), options);
      this.#models.note(key, model, revision);
      return { model, isDuplicate: false };
    } catch (thrown) {
      if (!isConflict(thrown)) throw thrown;
      const entry = await this.#context.store.get(BUCKETS.model, key, options);
      if (entry === undefined) throw thrown;
      const before = publishedFromBytes(key, entry.value);
      if (before.digest === model.digest) return { model: before, isDuplicate: true };
      const at = new Date(before.publishedAtMs).toISOString();
      throw new MpoError(
        "already-exists",
        `${versionName(manifest)} is another model already, which ${before.publisher} published at ${at}`,
        { hint: "A version stands for one model for good: choose the next number." },
      );
    }
  }

  /** Removes a version, and chunks that no other names. Returns how many bytes that freed. */
  async remove(model: Published, options: StoreCallOptions = {}): Promise<number> {
    const key = publishedKey(model.tenant, model.manifest);
    await this.#context.store.delete(BUCKETS.model, key, options);
    this.#models.forget(key);
    const named = new Set([...this.#models.entries()].flatMap(([, { value }]) => [...value.chunks]));
    const nowMs = this.#context.clock.now();
    let freed = 0;
    for await (const { digest, bytes, storedAtMs } of this.#chunks.list(options)) {
      const isLeft = model.chunks.has(digest) || nowMs - storedAtMs > UPLOAD_MS;
      if (named.has(digest) || !isLeft) continue;
      await this.#chunks.remove(digest, options);
      freed += bytes;
    }
    return freed;
  }
}

function digestKey({ tenant, digest }: Pick<Published, "tenant" | "digest">): string {
  return `${tenant} ${digest}`;
}
