import { hasCode } from "@mpo/core";
import { type DesiredDocument, type DocumentVersion, desiredDocumentCodec, MAX_REASONS } from "@mpo/protocol";

/** A document but for its place in the order and its time. */
export type DocumentContent = Omit<DesiredDocument, "version" | "issuedAtMs" | "expiresAtMs" | "request">;

/** When and as what a document goes out. */
export interface DocumentStamp {
  readonly version: DocumentVersion;
  readonly issuedAtMs: number;
  /** How long a device that has not applied it may still do so, milliseconds. */
  readonly validMs: number;
  /** What it answers. */
  readonly request: string;
}

/** The version after the newest of the store and the newest that the device knows. */
export function nextVersion(
  current: DocumentVersion | undefined,
  floor: DocumentVersion | undefined,
  epoch: number,
): DocumentVersion {
  const versions = [current, floor, { epoch, version: 0 }].filter((one) => one !== undefined);
  const newest = Math.max(...versions.map((one) => one.epoch));
  const highest = Math.max(...versions.map((one) => (one.epoch === newest ? one.version : 0)));
  // A device that knows the last version of an epoch would otherwise get no document ever again.
  if (highest >= Number.MAX_SAFE_INTEGER) return { epoch: newest + 1, version: 1 };
  return { epoch: newest, version: highest + 1 };
}

/**
 * The bytes of a document. One that is longer than a document may be loses rungs from the middle of its ladder, the
 * one with the longest schedule first: the cheapest and the best stay. Throws `over-budget` when even those two are too
 * long, `invalid-argument` when a field is not as it must be.
 */
export function documentToBytes(
  content: DocumentContent,
  { version, issuedAtMs, validMs, request }: DocumentStamp,
): { readonly document: DesiredDocument; readonly bytes: Uint8Array } {
  let { rungs, chosenRung } = content;
  for (;;) {
    const document: DesiredDocument = {
      ...content,
      rungs,
      chosenRung,
      reasons: content.reasons.slice(0, MAX_REASONS),
      request,
      version,
      issuedAtMs,
      expiresAtMs: issuedAtMs + validMs,
    };
    try {
      return { document, bytes: desiredDocumentCodec.toBytes(document) };
    } catch (thrown) {
      const isTooLong = hasCode(thrown, "over-budget");
      const longest = longestBetween(rungs);
      if (!isTooLong || longest === undefined) throw thrown;
      rungs = rungs.filter((_, index) => index !== longest);
      if (chosenRung >= longest) chosenRung = Math.max(0, chosenRung - 1);
    }
  }
}

function longestBetween(rungs: DocumentContent["rungs"]): number | undefined {
  const lengths = rungs.map(({ config: { checkpoints } }) =>
    checkpoints.kind === "schedule" ? checkpoints.actions.length : 0,
  );
  const between = lengths.slice(1, -1);
  return between.length === 0 ? undefined : 1 + between.indexOf(Math.max(...between));
}

/** A document but for its place in the order and its time. */
export function contentOf(document: DesiredDocument): DocumentContent {
  const { version: _, issuedAtMs: __, expiresAtMs: ___, request: ____, ...content } = document;
  return content;
}
