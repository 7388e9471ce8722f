import { bytesIn, MpoError, msIn, type SearchBudget } from "@mpo/core";

/** What people write of a budget: both, or neither. Throws `invalid-argument` for what is no size or no duration. */
export function budgetIn(memory: string, window: string): { readonly budget?: SearchBudget } {
  if (memory === "" && window === "") return {};
  const memoryBytes = bytesIn(memory);
  const windowMs = msIn(window);
  if (memoryBytes === undefined)
    throw new MpoError("invalid-argument", `${memory || "nothing"} is not a size, such as 150MiB`);
  if (windowMs === undefined)
    throw new MpoError("invalid-argument", `${window || "nothing"} is not a duration, such as 10min`);
  return { budget: { memoryBytes, windowMs } };
}
