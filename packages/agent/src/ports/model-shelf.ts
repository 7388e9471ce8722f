import type { ArtifactVersion } from "@mpo/protocol";

/** A published version on its way onto this machine, chunk by chunk, in order. */
export interface PartialModel {
  readonly totalBytes: number;
  /** Whole chunks that lie here already. */
  readonly hereBytes: number;
  /** Digest and length of the chunk that is needed next; undefined: all are here. */
  readonly next: { readonly digest: string; readonly bytes: number } | undefined;
  /** Adds the chunk that is needed next. Throws `invalid-data` when it is another, `unavailable` when the disk is full. */
  add(chunk: Uint8Array): Promise<void>;
  /** Checks every file, and makes of it a version that can be used. Throws `invalid-data`; then it begins from nothing. */
  finish(): Promise<void>;
}

/** Published versions of models on this machine. */
export interface ModelShelf {
  /** Whether a version is here, whole. */
  has(model: string, artifact: ArtifactVersion): Promise<boolean>;
  /**
   * Takes in a version of this manifest, from where an earlier attempt ended. Other versions make room for it, but for what
   * serves, what served before, and those in `kept`. Throws `over-budget` when the disk has no room.
   */
  receive(model: string, manifest: Uint8Array, kept: readonly ArtifactVersion[]): Promise<PartialModel>;
  /**
   * Serves a version from now on; undefined: the model as it was deployed. Where what served before was of that version, it
   * serves again, with all that it has learned. Throws `invalid-data` when its files are not as they were published.
   */
  use(model: string, artifact: ArtifactVersion | undefined): Promise<void>;
}
