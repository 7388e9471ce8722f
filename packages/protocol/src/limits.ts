/**
 * Sizes that are refused before anything is parsed. The document's limit is that of an AWS device shadow; the rest
 * keeps one message far below what a coordinator can hold for every device at once.
 */
export const LIMITS = {
  /** An encoded `DesiredDocument`. */
  documentBytes: 8_192,
  /** A document with its signatures, as it is stored in NATS. */
  envelopeBytes: 9_216,
  /** A message from a device, unless it has its own limit. */
  deviceMessageBytes: 65_536,
  /** A report of a profile. */
  profileBytes: 262_144,
  /** What of it travels at once: seconds over the slowest links (2G, NB-IoT). */
  partBytes: 4_096,
  /** A chunk of a published model; one value of the store. */
  chunkBytes: 262_144,
  /** The manifest of a published model. */
  artifactBytes: 262_144,
  /** A message of the Admin service; pages that would be longer have fewer items. */
  adminMessageBytes: 4_194_304,
} as const;
