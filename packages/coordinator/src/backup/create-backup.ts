import { createHash } from "node:crypto";
import { given, MpoError } from "@mpo/core";
import { type Authority, epochOf } from "@mpo/identity";
import { type ArchivePart, systemClock, writeArchive } from "@mpo/io";
import { COPY_ORDER, type CopiedRecord, STREAMS, type StoreCopy } from "@mpo/transport";
import {
  BACKUP_FORMAT,
  type BackedUpStream,
  type BackupHead,
  type BackupManifest,
  jsonPart,
  PART,
  PART_BYTES,
  RELEASE,
  recordsPart,
  SEAL,
} from "./backup-form.ts";
import { type FleetPlace, openFleetStore } from "./fleet-store.ts";
import { StreamDigest } from "./stream-digest.ts";

export interface CreateOptions extends FleetPlace {
  /** The file. It must not be there. */
  readonly path: string;
}

export interface CreatedBackup {
  readonly manifest: BackupManifest;
  readonly bytes: number;
  /** Whether a coordinator used the store meanwhile. */
  readonly wasRunning: boolean;
}

/** Writes a fleet's store and keys into one file, whole or not at all. The store may be in use. */
export async function createBackup({ path, ...place }: CreateOptions): Promise<CreatedBackup> {
  await using store = await openFleetStore(place);
  const { signal } = place;
  const made = new Parts(signal);
  const bytes = await writeArchive(path, made.of(store.copy, store.authority), { signal });
  const { manifest } = made;
  if (manifest === undefined) throw new MpoError("internal", "a backup was written without its manifest");
  return { manifest, bytes, wasRunning: store.wasRunning };
}

class Parts {
  readonly #signal: AbortSignal;
  readonly #parts: { readonly name: string; readonly bytes: number; readonly digest: string }[] = [];
  readonly #streams: BackedUpStream[] = [];
  manifest: BackupManifest | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async *of(
    copy: StoreCopy,
    authority: () => Promise<Authority | undefined>,
  ): AsyncGenerator<ArchivePart, void, undefined> {
    const before = await authority();
    const head: BackupHead = {
      ...{ format: BACKUP_FORMAT, release: RELEASE, createdAtMs: systemClock.now(), natsServer: copy.serverVersion },
      ...given({ fleet: before?.fleetId }),
    };
    yield this.#part(PART.head, jsonPart(head));
    const there = await copy.streams();
    for (const name of COPY_ORDER) if (there.has(name)) yield* this.#stream(copy, name);
    if (this.#streams.length === 0) throw new MpoError("not-found", "the store has no streams: it was never used");
    // Last, so that it is no older than what the store says of it.
    const keys = await authority();
    if (keys !== undefined) yield this.#part(PART.authority, jsonPart(keys));
    this.manifest = {
      ...{ head, streams: this.#streams, parts: this.#parts },
      ...given({ epoch: keys === undefined ? undefined : epochOf(keys) }),
    };
    const bytes = jsonPart(this.manifest);
    yield { name: PART.manifest, bytes };
    yield { name: SEAL, bytes: Buffer.from(`${sha256(bytes)}\n`) };
  }

  async *#stream(copy: StoreCopy, name: string): AsyncGenerator<ArchivePart, void, undefined> {
    const digest = new StreamDigest(Object.values<string>(STREAMS).includes(name));
    const counts = { records: 0, bytes: 0, firstSequence: 0, lastSequence: 0 };
    let waiting: CopiedRecord[] = [];
    let waitingBytes = 0;
    let index = 0;
    const flush = (): ArchivePart => {
      const part = this.#part(`streams/${name}/${String(++index).padStart(6, "0")}`, recordsPart(waiting));
      [waiting, waitingBytes] = [[], 0];
      return part;
    };
    for await (const record of copy.read(name, { signal: this.#signal })) {
      digest.add(record);
      counts.records += 1;
      counts.bytes += record.value.length;
      counts.firstSequence ||= record.sequence;
      counts.lastSequence = record.sequence;
      waiting.push(record);
      waitingBytes += record.value.length;
      if (waitingBytes >= PART_BYTES) yield flush();
    }
    if (waiting.length > 0) yield flush();
    this.#streams.push({ name, ...counts, entries: digest.entries, digest: digest.hex() });
  }

  #part(name: string, bytes: Uint8Array): ArchivePart {
    this.#parts.push({ name, bytes: bytes.length, digest: sha256(bytes) });
    return { name, bytes };
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
