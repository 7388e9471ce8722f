import { crc32 } from "node:zlib";
import { checked, type Fact, fact, MpoError } from "@mpo/core";
import { LIMITS, schemas } from "@mpo/protocol";

const { digest, flag, object, text, timestampMs } = fact;

type Schema = ReturnType<typeof object>;

/** A record of an agent as it lies on the disk: JSON with a checksum, so that a changed bit is noticed. */
export function encodeStored(value: unknown): Uint8Array {
  const body = JSON.stringify(value);
  return Buffer.from(`${checksum(body)} ${body}\n`);
}

/** Throws `invalid-data` for what `encodeStored` did not make, or of what is not as its schema has it. */
export function decodeStored<Record extends Schema>(bytes: Uint8Array, name: string, schema: Record): Fact<Record> {
  const all = Buffer.from(bytes).toString("utf8");
  const body = all.slice(9, -1);
  if (all.slice(0, 9) !== `${checksum(body)} `) {
    throw new MpoError("invalid-data", `${name} is damaged: its checksum does not fit`);
  }
  return checked(schema, JSON.parse(body), name);
}

function checksum(body: string): string {
  return crc32(body).toString(16).padStart(8, "0");
}

/** The newest version that a device has ever accepted, and of what. */
export type VersionFloor = Fact<typeof floorSchema>;
const floorSchema = object({ ...schemas.documentVersion.shape, digest: digest(), issuedAtMs: timestampMs() });

/** From its bytes. Throws `invalid-data`. */
export function decodeFloor(bytes: Uint8Array): VersionFloor {
  return decodeStored(bytes, "the stored version floor", floorSchema);
}

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

/** In base64. */
const envelope = text(0, 2 * LIMITS.envelopeBytes).optional();
const configSchema = object({ current: envelope, lastGood: envelope, isConfirmed: flag() });

/** To its bytes on the disk. */
export function encodeConfig({ current, lastGood, isConfirmed }: StoredConfig): Uint8Array {
  return encodeStored({ current: base64(current), lastGood: base64(lastGood), isConfirmed });
}

/** From its bytes. Throws `invalid-data`. */
export function decodeConfig(bytes: Uint8Array): StoredConfig {
  const { current, lastGood, isConfirmed } = decodeStored(bytes, "the stored configuration", configSchema);
  return { current: fromBase64(current), lastGood: fromBase64(lastGood), isConfirmed };
}

function base64(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("base64");
}

function fromBase64(packed: string | undefined): Uint8Array | undefined {
  return packed === undefined ? undefined : new Uint8Array(Buffer.from(packed, "base64"));
}
