import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { MpoError } from "@mpo/core";
import { fileError, syncFolder, Turns, throwIfAborted, writeFileAtomic } from "@mpo/io";
import { encodeRecord, JOURNAL_HEADER, scanJournal } from "./journal-format.ts";

export interface JournalOptions {
  /** Largest payload, bytes. Default 4 MiB. */
  readonly maxRecordBytes?: number;
  readonly signal?: AbortSignal;
}

export interface JournalOpening {
  /** Every whole record, oldest first. */
  readonly payloads: readonly Uint8Array[];
  /** Bytes cut from the end because they were no whole record. */
  readonly cutBytes: number;
  /** Where the cut bytes were kept, when they were more than one unfinished append: data are lost. */
  readonly setAside: string | undefined;
}

/**
 * An append-only file of records that survives kill -9 and power cuts: once `append` has resolved, the record is on
 * the disk; a record that was not finished is cut off at the next opening. One process at a time.
 */
export class Journal {
  readonly path: string;
  readonly opening: JournalOpening;
  readonly #maxRecordBytes: number;
  #handle: FileHandle;
  #sizeBytes: number;
  readonly #turns = new Turns();
  /** Whether the end of the file may be part of an append that failed. */
  #hasRest = false;
  #broken: MpoError | undefined;

  private constructor(path: string, handle: FileHandle, sizeBytes: number, max: number, opening: JournalOpening) {
    this.path = path;
    this.#handle = handle;
    this.#sizeBytes = sizeBytes;
    this.#maxRecordBytes = max;
    this.opening = opening;
  }

  /**
   * Opens or makes a journal. What is whole is kept; a broken end is cut, and set aside as `<path>.damaged` when it may hold
   * more than one unfinished append. So is a file that is not of this version: zeros, or from a newer release.
   */
  static async open(path: string, options: JournalOptions = {}): Promise<Journal> {
    const { maxRecordBytes = 2 ** 22, signal } = options;
    throwIfAborted(signal);
    let handle: FileHandle | undefined;
    try {
      await mkdir(dirname(path), { recursive: true });
      handle = await open(path, "a+", 0o600);
      await handle.close();
      handle = await open(path, "r+");
      const file = await handle.readFile();
      const { payloads, goodBytes, end } = scanJournal(file, maxRecordBytes);
      const cutBytes = file.length - goodBytes;
      const setAside = end === "damaged" ? `${path}.damaged` : undefined;
      if (setAside !== undefined) await writeFileAtomic(setAside, file.subarray(goodBytes));
      if (cutBytes > 0) {
        await handle.truncate(goodBytes);
        await handle.sync();
      }
      if (goodBytes === 0) {
        await writeAll(handle, JOURNAL_HEADER, 0);
        await handle.sync();
        await syncFolder(dirname(path));
      }
      const sizeBytes = Math.max(goodBytes, JOURNAL_HEADER.length);
      return new Journal(path, handle, sizeBytes, maxRecordBytes, { payloads, cutBytes, setAside });
    } catch (thrown) {
      await handle?.close().catch(() => undefined);
      throw fileError(thrown, "open journal", path);
    }
  }

  /** Length of the file, bytes: for deciding when to compact. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /**
   * Appends one record; when this resolves it is on the disk. Throws `invalid-argument` when it is too large and
   * `unavailable` when the disk is full, `precondition-failed` where nothing may be written: the journal is then
   * unchanged, and still usable.
   */
  append(payload: Uint8Array, options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (payload.length > this.#maxRecordBytes) {
      const message = `a record of ${payload.length} bytes does not fit ${this.path}; expected at most ${this.#maxRecordBytes}`;
      return Promise.reject(new MpoError("invalid-argument", message));
    }
    const record = encodeRecord(payload);
    return this.#inTurn(options.signal, async () => {
      try {
        if (this.#hasRest) await this.#cutBack();
        await writeAll(this.#handle, record, this.#sizeBytes);
        await this.#handle.datasync();
        this.#sizeBytes += record.length;
      } catch (thrown) {
        this.#hasRest = true;
        await this.#cutBack().catch(() => undefined);
        throw fileError(thrown, "append to journal", this.path);
      }
    });
  }

  /** Replaces all records by these, atomically: after a crash the journal holds the old ones or the new ones, whole. */
  compact(payloads: readonly Uint8Array[], options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const file = Buffer.concat([JOURNAL_HEADER, ...payloads.map(encodeRecord)]);
    return this.#inTurn(options.signal, async () => {
      await writeFileAtomic(this.path, file);
      try {
        const handle = await open(this.path, "r+");
        await this.#handle.close();
        this.#handle = handle;
        this.#sizeBytes = file.length;
        this.#hasRest = false;
      } catch (thrown) {
        // The old handle points to a file that has no name any more: nothing may be written through it again.
        this.#broken = fileError(thrown, "reopen journal", this.path);
        throw this.#broken;
      }
    });
  }

  /** Waits for appends under way and closes the file. */
  async close(): Promise<void> {
    this.#broken ??= new MpoError("precondition-failed", `journal ${this.path} is closed`);
    await this.#turns.take(() => this.#handle.close());
  }

  /** Cuts off what a failed append may have written: nothing is written after it. */
  async #cutBack(): Promise<void> {
    await this.#handle.truncate(this.#sizeBytes);
    await this.#handle.datasync();
    this.#hasRest = false;
  }

  #inTurn(signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
    const closed = this.#broken;
    if (closed !== undefined) return Promise.reject(closed);
    return this.#turns.take(() => {
      throwIfAborted(signal);
      return work();
    });
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
