/**
 * Sizes that are refused before anything is parsed. The document's limit is that of an AWS device shadow; the rest
 * keeps one message far below what a coordinator can hold for every device at once.
 */
export const LIMITS = {
  /** An encoded `DesiredDocument`. */
  documentBytes: 8_192,
  /** A document with its signatures, as it is stored in NATS. */
  envelopeBytes: 9_216,
  /** A message of a device, unless it has a limit of its own. */
  deviceMessageBytes: 65_536,
  /** A report of a profile. */
  profileBytes: 262_144,
  /** A chain within it, compressed. */
  chainBytes: 131_072,
  /** A message of the Admin service: a page of up to 1000 devices. */
  adminMessageBytes: 4_194_304,
} as const;

/** Largest whole number that a JavaScript number holds exactly, 2^53 - 1: the limit of every size on the wire. */
export const MAX_WHOLE: number = Number.MAX_SAFE_INTEGER;
/** A week: no window, step or probe may claim to take longer. */
export const MAX_MS = 604_800_000;
/** Units of a model. */
export const MAX_UNITS = 4_096;
/** Units of a chain that a coordinator plans: the placement of checkpoints takes time by their cube. */
export const MAX_CHAIN_UNITS = 512;
/** Actions of one step. */
export const MAX_ACTIONS = 16_384;
/** Micro-batch, accumulation. */
export const MAX_BATCH = 65_536;
