import { crc32 } from "node:zlib";
import { MpoError } from "@mpo/core";
import type { VersionFloor } from "./document-check.ts";

/** What a device keeps of its documents. Envelopes are as they came. */
export interface StoredConfig {
  /** The one in use; undefined: none. */
  readonly current: Uint8Array | undefined;
  /** The newest that proved itself; what the device falls back to. */
  readonly lastGood: Uint8Array | undefined;
  /** Whether the current one has proved itself. */
  readonly isConfirmed: boolean;
}

export const NO_CONFIG: StoredConfig = { current: undefined, lastGood: undefined, isConfirmed: false };

/** Text with a checksum, so that a changed bit is noticed. */
export function encodeStored(value: unknown): Uint8Array {
  const body = JSON.stringify(value);
  return Buffer.from(`${crc32(body).toString(16).padStart(8, "0")} ${body}\n`);
}

/** Throws `invalid-data` for what `encodeStored` did not make. */
export function decodeStored(bytes: Uint8Array, name: string): Readonly<Record<string, unknown>> {
  const text = Buffer.from(bytes).toString("utf8");
  const body = text.slice(9, -1);
  if (text.slice(0, 9) !== `${crc32(body).toString(16).padStart(8, "0")} `) {
    throw new MpoError("invalid-data", `${name} is damaged: its checksum does not fit`);
  }
  return JSON.parse(body) as Readonly<Record<string, unknown>>;
}

/** To its bytes on the disk. */
export function encodeConfig(config: StoredConfig): Uint8Array {
  return encodeStored({
    current: base64(config.current),
    lastGood: base64(config.lastGood),
    isConfirmed: config.isConfirmed,
  });
}

/** From its bytes. Throws `invalid-data`. */
export function decodeConfig(bytes: Uint8Array): StoredConfig {
  const { current, lastGood, isConfirmed } = decodeStored(bytes, "the stored configuration");
  return { current: fromBase64(current), lastGood: fromBase64(lastGood), isConfirmed: isConfirmed === true };
}

/** From its bytes. Throws `invalid-data`. */
export function decodeFloor(bytes: Uint8Array): VersionFloor {
  const { epoch, version, digest, issuedAtMs } = decodeStored(bytes, "the stored version floor");
  if (
    typeof epoch !== "number" ||
    typeof version !== "number" ||
    typeof digest !== "string" ||
    typeof issuedAtMs !== "number"
  ) {
    throw new MpoError("invalid-data", "the stored version floor lacks a field");
  }
  return { epoch, version, digest, issuedAtMs };
}

function base64(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : Buffer.from(bytes).toString("base64");
}

function fromBase64(text: unknown): Uint8Array | undefined {
  return typeof text === "string" ? new Uint8Array(Buffer.from(text, "base64")) : undefined;
}
