import { hasCode, MpoError } from "@mpo/core";
import { type Authority, checkedAuthority, epochOf } from "@mpo/identity";
import { type ArchivePart, readArchive } from "@mpo/io";
import { type CopiedRecord, STREAMS } from "@mpo/transport";
import { type BackupManifest, MAX_PART_BYTES, PART, readHead, readManifest, readRecords, SEAL } from "./backup-form.ts";
import { sha256 } from "./create-backup.ts";
import { StreamDigest } from "./stream-digest.ts";

/** A backup that is whole. */
export interface VerifiedBackup {
  readonly manifest: BackupManifest;
  /** Secret. Absent: of a fleet in which nobody proves who they are. */
  readonly authority: Authority | undefined;
}

const HINT = "Use another copy of it, or another backup.";

/**
 * Reads all of a backup, and checks that it is what was written: each part by its digest, each stream by what its records
 * leave, the keys by each other. Throws `invalid-data` for one that is damaged, `precondition-failed` for one of a later release.
 */
export async function verifyBackup(path: string, signal: AbortSignal): Promise<VerifiedBackup> {
  try {
    return await readWhole(path, signal);
  } catch (thrown) {
    if (!hasCode(thrown, "invalid-data") || thrown.hint === HINT) throw thrown;
    throw damaged(path, MpoError.from(thrown).message.replaceAll(`${path}: `, ""), thrown);
  }
}

async function readWhole(path: string, signal: AbortSignal): Promise<VerifiedBackup> {
  const found: { name: string; bytes: number; digest: string }[] = [];
  const streams = new Map<string, { readonly digest: StreamDigest; records: number }>();
  let manifestBytes: Uint8Array | undefined;
  let seal = "";
  let authorityBytes: Uint8Array | undefined;
  let isFirst = true;
  for await (const { name, bytes } of partsOf(path, signal)) {
    if (isFirst && name !== PART.head) throw damaged(path, "it does not begin as a backup does");
    if (isFirst) readHead(bytes, path);
    isFirst = false;
    if (seal !== "") throw damaged(path, `${name} comes after its end`);
    if (name === SEAL) seal = Buffer.from(bytes).toString().trim();
    else if (name === PART.manifest) manifestBytes = bytes;
    else {
      found.push({ name, bytes: bytes.length, digest: sha256(bytes) });
      if (name === PART.authority) authorityBytes = bytes;
      const stream = streamOfPart(name);
      if (stream === undefined) continue;
      const known = streams.get(stream) ?? { digest: new StreamDigest(isEvents(stream)), records: 0 };
      streams.set(stream, known);
      for (const record of readRecords(bytes, `${path}: ${name}`)) {
        known.records += 1;
        known.digest.add(record);
      }
    }
  }
  if (manifestBytes === undefined || seal === "") throw damaged(path, "its end is missing: it was cut short");
  if (sha256(manifestBytes) !== seal) throw damaged(path, "its manifest was changed");
  const manifest = readManifest(manifestBytes, path);
  requireParts(path, manifest, found);
  for (const { name, records, digest } of manifest.streams) {
    const stream = streams.get(name);
    if ((stream?.records ?? 0) !== records || (stream?.digest ?? new StreamDigest(isEvents(name))).hex() !== digest)
      throw damaged(path, `the records of ${name} are not those that were written`);
  }
  const authority = authorityBytes === undefined ? undefined : authorityIn(authorityBytes, path);
  const isOurs = authority?.fleetId === manifest.head.fleet && (authority && epochOf(authority)) === manifest.epoch;
  if (!isOurs) throw damaged(path, "its keys are not those of its fleet");
  return { manifest, authority };
}

/** The records of one part after the other, by stream, of a backup that was verified. */
export async function* backedUpRecords(
  path: string,
  signal: AbortSignal,
): AsyncGenerator<{ readonly stream: string; readonly records: readonly CopiedRecord[] }, void, undefined> {
  for await (const part of partsOf(path, signal)) {
    const stream = streamOfPart(part.name);
    if (stream !== undefined) yield { stream, records: readRecords(part.bytes, `${path}: ${part.name}`) };
  }
}

async function* partsOf(path: string, signal: AbortSignal): AsyncGenerator<ArchivePart, void, undefined> {
  try {
    yield* readArchive(path, { maxPartBytes: MAX_PART_BYTES, signal });
  } catch (thrown) {
    if (!hasCode(thrown, "invalid-data")) throw thrown;
    throw damaged(path, "it cannot be unpacked to its end", thrown);
  }
}

export function isEvents(stream: string): boolean {
  return Object.values<string>(STREAMS).includes(stream);
}

function requireParts(
  path: string,
  { parts }: BackupManifest,
  found: readonly { readonly name: string; readonly bytes: number; readonly digest: string }[],
): void {
  for (const [index, { name, digest }] of parts.entries()) {
    const part = found[index];
    if (part?.name !== name) throw damaged(path, `${name} is missing`);
    if (part.digest !== digest) throw damaged(path, `${name} was changed`);
  }
  const [more] = found.slice(parts.length);
  if (more !== undefined) throw damaged(path, `${more.name} does not belong to it`);
}

function authorityIn(bytes: ArchivePart["bytes"], path: string): Authority {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    // Node's reason quotes what it read.
    throw damaged(path, "its keys cannot be read");
  }
  return checkedAuthority(value, `${path}: ${PART.authority}`);
}

function streamOfPart(name: string): string | undefined {
  return /^streams\/([\w-]+)\/\d+$/u.exec(name)?.[1];
}

function damaged(path: string, what: string, cause?: unknown): MpoError {
  return new MpoError("invalid-data", `${path} is not a whole backup: ${what}`, { hint: HINT, cause });
}
