import { crc32 } from "node:zlib";

/**
 * A journal file is `MPOJ`, a version byte 1, three zero bytes, then records: u32 payload length, u32 CRC-32 of the
 * length and the payload, payload. Numbers are little-endian. The checksum covers the length, so a tail of zero bytes
 * (a file that grew before its data reached the disk) is not a valid empty record.
 */
export const JOURNAL_HEADER: Uint8Array = Uint8Array.of(0x4d, 0x50, 0x4f, 0x4a, 1, 0, 0, 0);

const RECORD_HEAD_BYTES = 8;

/** One record as it lies in the file. */
export function encodeRecord(payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(RECORD_HEAD_BYTES + payload.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, payload.length, true);
  view.setUint32(4, checksum(record.subarray(0, 4), payload), true);
  record.set(payload, RECORD_HEAD_BYTES);
  return record;
}

/** What a journal file holds. */
export interface JournalScan {
  readonly payloads: readonly Uint8Array[];
  /** Where the first record that is not whole begins; the file's length when all are. */
  readonly goodBytes: number;
  /**
   * How it ends. `torn`: the last record was never finished, as after a crash in an append that never
   * succeeded. `damaged`: a record inside is broken, so the disk has lost what was once safe.
   */
  readonly end: "whole" | "torn" | "damaged";
}

/** Reads a whole file. One that does not begin as a journal has no good bytes; a header that was never finished is torn. */
export function scanJournal(file: Uint8Array, maxRecordBytes: number): JournalScan {
  const head = file.subarray(0, JOURNAL_HEADER.length);
  const isOurs = head.every((byte, index) => byte === JOURNAL_HEADER[index]);
  if (!isOurs) return { payloads: [], goodBytes: 0, end: "damaged" };
  if (head.length < JOURNAL_HEADER.length) return { payloads: [], goodBytes: 0, end: "torn" };
  const scan = scanRecords(file.subarray(head.length), maxRecordBytes);
  return { ...scan, goodBytes: head.length + scan.goodBytes };
}

/** Reads records until the first that is not whole. `file` starts after the header. */
export function scanRecords(file: Uint8Array, maxRecordBytes: number): JournalScan {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const payloads: Uint8Array[] = [];
  for (let at = 0; ; ) {
    const left = file.length - at;
    if (left === 0) return { payloads, goodBytes: at, end: "whole" };
    if (left < RECORD_HEAD_BYTES) return { payloads, goodBytes: at, end: "torn" };
    const length = view.getUint32(at, true);
    const end = at + RECORD_HEAD_BYTES + length;
    const payload = file.subarray(at + RECORD_HEAD_BYTES, end);
    const isWhole =
      length <= maxRecordBytes &&
      end <= file.length &&
      checksum(file.subarray(at, at + 4), payload) === view.getUint32(at + 4, true);
    if (!isWhole) {
      const isLast = end >= file.length || file.subarray(at).every((byte) => byte === 0);
      return { payloads, goodBytes: at, end: isLast ? "torn" : "damaged" };
    }
    payloads.push(payload.slice());
    at = end;
  }
}

function checksum(length: Uint8Array, payload: Uint8Array): number {
  return crc32(payload, crc32(length));
}
