/** Accuracy within the budget; or the least memory, or time, at the accuracy that is nearly the best. */
export const SEARCH_OBJECTIVES = ["accuracy", "memory", "time"] as const;
export type SearchObjective = (typeof SEARCH_OBJECTIVES)[number];
