import { createHash } from "node:crypto";
import { MpoError } from "@mpo/core";
import { type ArtifactVersion, artifactDigest, artifactManifestCodec, LIMITS } from "@mpo/protocol";
import type { ArtifactLink } from "../ports/fleet-link.ts";
import type { ModelShelf } from "../ports/model-shelf.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** A model as it was published, with all its bytes. */
export interface PublishedForTest {
  readonly artifact: ArtifactVersion;
  readonly manifest: Uint8Array;
  readonly manifestDigest: string;
  readonly chunks: ReadonlyMap<string, Buffer>;
}

/** Publishes files as a version of a model. */
export function publishedOf(
  name: string,
  version: number,
  contents: Readonly<Record<string, Uint8Array>>,
): PublishedForTest {
  const chunks = new Map<string, Buffer>();
  const files = Object.keys(contents)
    .toSorted()
    .map((file) => {
      const content = Buffer.from(contents[file] ?? []);
      const digests: string[] = [];
      for (let at = 0; at < content.length; at += LIMITS.chunkBytes) {
        const chunk = content.subarray(at, at + LIMITS.chunkBytes);
        digests.push(sha256(chunk));
        chunks.set(sha256(chunk), chunk);
      }
      return { name: file, bytes: content.length, digest: sha256(content), chunks: digests };
    });
  const manifestDigest = (files.find((file) => file.name === "model.json") ?? files[0])?.digest ?? "";
  const manifest = artifactManifestCodec.toBytes({
    ...{ name, version, files, manifestDigest, graphDigest: "aa".repeat(32), chainDigest: "bb".repeat(32) },
    summary: { takes: "4x4x1", classes: 2, parameters: 10, madeBy: "" },
  });
  return { artifact: { version, digest: artifactDigest(manifest) }, manifest, manifestDigest, chunks };
}

/** The coordinators' side of fetching; it can be cut off, and lie. */
export class FakeModels {
  readonly published = new Map<string, PublishedForTest>();
  isCutOff = false;
  /** Bytes that were sent, by chunk. */
  readonly sent = new Map<string, number>();
  /** Called before each part is sent. */
  onPart: (() => void) | undefined;
  /** What is sent instead of a part. */
  garble: ((part: Buffer) => Buffer) | undefined;

  publish(model: PublishedForTest): ArtifactVersion {
    this.published.set(model.artifact.digest, model);
    return model.artifact;
  }

  readonly link: ArtifactLink = {
    getArtifact: async ({ digest }) => ({ manifest: this.#found(digest).manifest }),
    getArtifactChunk: async ({ artifact, chunk: digest, offset, length }) => {
      this.onPart?.();
      const chunk = this.#found(artifact).chunks.get(digest);
      if (chunk === undefined) throw new MpoError("not-found", "no such chunk");
      const part = chunk.subarray(offset, offset + length);
      this.sent.set(digest, (this.sent.get(digest) ?? 0) + part.length);
      return { part: this.garble?.(part) ?? part };
    },
  };

  #found(digest: string): PublishedForTest {
    if (this.isCutOff) throw new MpoError("unavailable", "cut off");
    const found = this.published.get(digest);
    if (found === undefined) throw new MpoError("not-found", "no such model is published");
    return found;
  }
}

/** The serving folder's shelf in memory: it survives the agent. */
export class FakeShelf implements ModelShelf {
  readonly whole = new Map<string, string>();
  readonly #partial = new Map<string, Uint8Array[]>();
  readonly #serve: (artifact: ArtifactVersion | undefined, manifestDigest: string | undefined) => void;
  /** The disk has no room. */
  isFull = false;
  /** Versions whose files were damaged after they came. */
  readonly damaged = new Set<string>();
  uses = 0;
  /** Throws when what serves cannot be changed. */
  onUse: (() => void) | undefined;

  constructor(serve: (artifact: ArtifactVersion | undefined, manifestDigest: string | undefined) => void) {
    this.#serve = serve;
  }

  async has(_: string, { digest }: ArtifactVersion): Promise<boolean> {
    return this.whole.has(digest);
  }

  async receive(_: string, bytes: Uint8Array): ReturnType<ModelShelf["receive"]> {
    if (this.isFull) throw new MpoError("over-budget", "it needs 1 MiB free; the disk has none");
    const manifest = artifactManifestCodec.fromBytes(bytes);
    const digest = artifactDigest(bytes);
    const wanted = manifest.files.flatMap(({ chunks, bytes: length }) =>
      chunks.map((chunk, at) => ({
        digest: chunk,
        bytes: Math.min(LIMITS.chunkBytes, length - at * LIMITS.chunkBytes),
      })),
    );
    const here = this.#partial.get(digest) ?? [];
    this.#partial.set(digest, here);
    const { whole } = this;
    return {
      totalBytes: wanted.reduce((sum, one) => sum + one.bytes, 0),
      hereBytes: here.reduce((sum, one) => sum + one.length, 0),
      get next() {
        return wanted[here.length];
      },
      add: async (chunk) => {
        if (sha256(chunk) !== wanted[here.length]?.digest) throw new MpoError("invalid-data", "another chunk");
        here.push(Buffer.from(chunk));
      },
      finish: async () => void whole.set(digest, manifest.manifestDigest),
    };
  }

  async use(_: string, artifact: ArtifactVersion | undefined): Promise<void> {
    this.onUse?.();
    if (artifact !== undefined && this.damaged.has(artifact.digest)) {
      this.whole.delete(artifact.digest);
      throw new MpoError("invalid-data", "its files are not as they were published");
    }
    this.uses += 1;
    this.#serve(artifact, artifact && this.whole.get(artifact.digest));
  }
}
