import { type Fact, fact } from "@mpo/core";
import { LIMITS, schemas } from "@mpo/protocol";

const { digest, flag, object, text, timestampMs } = fact;

/** The newest version that a device has ever accepted, and of what. */
export type VersionFloor = Fact<typeof floorSchema>;
export const floorSchema = object({ ...schemas.documentVersion.shape, digest: digest(), issuedAtMs: timestampMs() });

/** As it came, in base64. */
const envelope = text(0, 2 * LIMITS.envelopeBytes).optional();

/** What a device keeps of its documents. */
export type StoredConfig = Fact<typeof configSchema>;
export const configSchema = object({
  /** The one in use; absent: none. */
  current: envelope,
  /** The newest that proved itself; what the device falls back to. */
  lastGood: envelope,
  /** Whether the current one has proved itself. */
  isConfirmed: flag(),
});
