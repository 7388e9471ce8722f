import type { PolicyRules } from "../plan/index.ts";
import type { CandidateTable } from "./candidate-table.ts";

/** Whether a policy allows a candidate. */
export function allowedBy(
  { microBatch, freezing, checkpoints }: PolicyRules,
  table: CandidateTable,
): (candidate: number) => boolean {
  const kinds = new Set(checkpoints);
  const plain = table.catalogue.choices[0];
  const sizes = table.microBatches.length;
  const planAllowed = table.catalogue.plans.map(
    (plan) => kinds.has(plan.kind) && (freezing === "any" || table.choice(plan) === plain),
  );
  const fullOnly = microBatch === "full";
  return (candidate) =>
    planAllowed[Math.floor(candidate / sizes)] === true &&
    (!fullOnly || table.microBatch(candidate) === table.effectiveBatch);
}
