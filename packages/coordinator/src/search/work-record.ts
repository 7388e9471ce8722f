import type { SearchBudget, SearchObjective } from "@mpo/core";
import { recordFromBytes, recordToBytes } from "../store/records.ts";

/** A search that is to be done. */
export interface WorkRecord {
  /** What asks for it; a document is made once for each. */
  readonly request: string;
  /** Who asked. */
  readonly actor: string;
  readonly budget?: SearchBudget;
  readonly objective?: SearchObjective;
  /** How often somebody began with it. */
  readonly attempts: number;
  /** The coordinator that is at it; absent: none is. */
  readonly owner?: string;
}

const KIND = "search-work";

export function workToBytes(record: WorkRecord): Uint8Array {
  return recordToBytes(KIND, record);
}

/** Throws `invalid-data`. */
export function workFromBytes(bytes: Uint8Array): WorkRecord {
  return recordFromBytes(KIND, bytes);
}

/** What a coordinator knows of a piece of work when it looks for some. */
export interface Claimable {
  readonly work: WorkRecord;
  /** How long this coordinator has seen it as it is, by its own clock that never jumps, milliseconds. */
  readonly seenForMs: number;
  /** Whether this coordinator asked for it. */
  readonly isOwn: boolean;
}

export interface ClaimRules {
  /** The coordinator. */
  readonly name: string;
  /** How long another's claim is respected without a sign of it, milliseconds. */
  readonly leaseMs: number;
  /** How long work is left to the coordinator that was asked, milliseconds. */
  readonly courtesyMs: number;
}

/**
 * Whether a coordinator may take a piece of work. Nobody's clock is trusted but one's own: a lease is over when nothing
 * was heard of it for its whole length. Two may come to hold the same work; only one of them can push its document.
 */
export function mayClaim({ work, seenForMs, isOwn }: Claimable, { name, leaseMs, courtesyMs }: ClaimRules): boolean {
  if (work.owner !== undefined) return seenForMs >= leaseMs && (work.owner !== name || seenForMs >= 2 * leaseMs);
  return isOwn || seenForMs >= courtesyMs;
}
