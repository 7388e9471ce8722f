import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { checked, type Fact, fact, MpoError } from "@mpo/core";
import type { CopiedRecord } from "@mpo/transport";

/** What a backup is called by: raised when an older release could not read it. */
export const BACKUP_FORMAT = 1;

/** The parts of a backup, in order; `streams/NAME/000001` and on are between the second and the third. */
export const PART = { head: "mpo-backup.json", authority: "authority.json", manifest: "manifest.json" } as const;
/** The last part: the digest of the manifest. */
export const SEAL = "manifest.sha256";

/** Entries are put together until they are so long. */
export const PART_BYTES = 4_194_304;
/** One entry more may be in a part: the largest values have a million bytes, and base64 takes more. */
export const MAX_PART_BYTES = 16_777_216;

const { digest, flag, list, name, object, text, timestampMs, whole } = fact;

/** Says, before anything else is read, what made it. */
export type BackupHead = Fact<typeof headSchema>;
const headSchema = object({
  format: whole(1),
  release: text(1, 64),
  createdAtMs: timestampMs(),
  /** Absent: of a fleet in which nobody proves who they are. */
  fleet: name().optional(),
  natsServer: text(1, 64),
});

export type BackedUpStream = Fact<typeof streamSchema>;
const streamSchema = object({
  name: text(1, 64),
  records: whole(),
  /** Those that count: the newest of each key. */
  entries: whole(),
  bytes: whole(),
  /** Place of its first record; 0: it is empty. */
  firstSequence: whole(),
  lastSequence: whole(),
  /** Of what the records leave. */
  digest: digest(),
});

/** What there is in a backup. */
export type BackupManifest = Fact<typeof manifestSchema>;
const manifestSchema = object({
  head: headSchema,
  streams: list(streamSchema, 1, 256),
  parts: list(object({ name: text(1, 128), bytes: whole(), digest: digest() }), 1, 1_000_000),
  /** Highest epoch of the keys; absent: there are none. */
  epoch: whole().optional(),
});

export function jsonPart(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
}

export function readHead(bytes: Uint8Array, path: string): BackupHead {
  const found = parsed(bytes, path);
  const { format, release } = found as { readonly format?: unknown; readonly release?: unknown };
  // First of all: the rest of a later form may be anything.
  if (typeof format === "number" && (format > BACKUP_FORMAT || isLater(String(release)))) {
    throw new MpoError(
      "precondition-failed",
      `${path} was made by release ${String(release)}; this one is ${RELEASE}`,
      {
        hint: `Restore it with release ${String(release)} or a later one.`,
      },
    );
  }
  return checked(headSchema, found, path);
}

export function readManifest(bytes: Uint8Array, path: string): BackupManifest {
  return checked(manifestSchema, parsed(bytes, path), `${path}: ${PART.manifest}`);
}

const line = object({
  n: whole(1),
  t: timestampMs(),
  s: text(1, 1024),
  d: flag().optional(),
  v: text(0, 2 * 1_048_576).optional(),
});

/** Records as lines of JSON, compressed: they can be read without this program. */
export function recordsPart(records: readonly CopiedRecord[]): Uint8Array {
  const lines = records.map(({ sequence, storedAtMs, subject, isDelete, value }) =>
    JSON.stringify({
      ...{ n: sequence, t: storedAtMs, s: subject },
      ...(isDelete ? { d: true } : {}),
      ...(value.length === 0 ? {} : { v: Buffer.from(value).toString("base64") }),
    }),
  );
  return gzipSync(`${lines.join("\n")}\n`, { level: 3 });
}

export function readRecords(bytes: Uint8Array, place: string): readonly CopiedRecord[] {
  let lines: string[];
  try {
    lines = gunzipSync(bytes, { maxOutputLength: 4 * MAX_PART_BYTES })
      .toString()
      .trimEnd()
      .split("\n");
  } catch (thrown) {
    throw new MpoError("invalid-data", `${place} cannot be read: ${String(thrown)}`, { cause: thrown });
  }
  return lines.map((each) => {
    const { n, t, s, d = false, v = "" } = checked(line, parsed(Buffer.from(each), place), place);
    return { sequence: n, storedAtMs: t, subject: s, isDelete: d, value: Buffer.from(v, "base64") };
  });
}

function parsed(bytes: Uint8Array, place: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as unknown;
  } catch {
    throw new MpoError("invalid-data", `${place}: a part is not valid JSON`);
  }
}

/** This release. */
export const RELEASE: string = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string }
).version;

/** Patches read each other's records; what a later minor release writes, an earlier one may not know. */
function isLater(release: string): boolean {
  const [major = 0, minor = 0] = release.split(".").map(Number);
  const [ownMajor = 0, ownMinor = 0] = RELEASE.split(".").map(Number);
  return major > ownMajor || (major === ownMajor && minor > ownMinor);
}
