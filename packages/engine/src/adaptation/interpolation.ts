import type { ModelWeights } from "../model/model-graph.ts";

/**
 * Parts of the way from a model's weights to the retrained ones that are judged, in this order: what was learned of few
 * inputs or few classes may serve best in part (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"; statistics
 * of normalisation: Schneider et al. 2020).
 */
export const JUDGED_SHARES = [1, 0.5, 0.25, 0.75] as const;

/** Weights so far along the straight way from one model's to another's of the same graph; `from`'s own where they share them. */
export function interpolate(from: ModelWeights, to: ModelWeights, share: number): ModelWeights {
  if (share === 0) return from;
  if (share === 1) return to;
  return new Map(
    [...from].map(([name, values]) => {
      const others = to.get(name);
      if (others === undefined || others === values) return [name, values];
      return [name, values.map((value, at) => value + share * (others[at]! - value))];
    }),
  );
}
