import { budgetSchema, type Fact, fact, objectiveSchema } from "@mpo/core";
import { type RecordForm, recordForm } from "../store/records.ts";

const { object, text, whole } = fact;

const workSchema = object({
  /** What asks for it; a document is made once for each. */
  request: text(1, 256),
  /** Who asked. */
  actor: text(1, 128),
  budget: budgetSchema.optional(),
  objective: objectiveSchema.optional(),
  /** The span in which it was asked for; absent: nothing is traced. */
  traceparent: text(1, 64).optional(),
  /** How often it was begun. */
  attempts: whole(),
  /** The coordinator that is at it; absent: none is. */
  owner: text(1, 256).optional(),
});

/** A search that is to be done. */
export type WorkRecord = Fact<typeof workSchema>;
export const workForm: RecordForm<WorkRecord> = recordForm("search-work", workSchema);

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
 * Whether a coordinator may take a piece of work. It trusts no clock but its own: a lease is over when nothing
 * was heard of it for its whole length. Two may come to hold the same work; only one of them can push its document.
 */
export function mayClaim({ work, seenForMs, isOwn }: Claimable, { name, leaseMs, courtesyMs }: ClaimRules): boolean {
  if (work.owner !== undefined) return seenForMs >= leaseMs && (work.owner !== name || seenForMs >= 2 * leaseMs);
  return isOwn || seenForMs >= courtesyMs;
}
