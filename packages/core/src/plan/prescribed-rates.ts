import type { RetrainConfig } from "../facts/index.ts";
import type { FixedRates } from "./freezing-choices.ts";

/**
 * Methods of adaptation, by the names of their losses.
 * - `tent`: mean entropy of the predictions (Wang et al. 2021).
 * - `shot`: information maximisation, entropy minus diversity, plus cross-entropy on pseudo-labels where labels are
 *   given (Liang et al. 2020). A label of -1 counts for nothing.
 * - `crossEntropy`: needs labels.
 */
export const METHOD_NAMES = ["tent", "shot", "crossEntropy"] as const;
export type MethodName = (typeof METHOD_NAMES)[number];

const RATES: ReadonlyMap<string, FixedRates> = new Map<string, FixedRates>([
  ["tent", { featureExtraction: 1, linear: 1 }],
  ["shot", { linear: 1 }],
]);

/**
 * What a method never trains, whatever a config says, by the name of its loss: Tent (Wang et al. 2021) trains normalisation
 * layers alone, SHOT (Liang et al. 2020) leaves the classifier. A search over anything else would promise what never runs.
 */
export function prescribedRates(loss: string): FixedRates {
  return RATES.get(loss) ?? {};
}

/** The config as a method runs it: layers are frozen where either of them says so. */
export function withPrescribedRates(config: RetrainConfig, loss: string): RetrainConfig {
  const { featureExtraction = 0, normalisation = 0, linear = 0 } = prescribedRates(loss);
  const { freezing } = config;
  return {
    ...config,
    freezing: {
      featureExtraction: Math.max(freezing.featureExtraction, featureExtraction),
      normalisation: Math.max(freezing.normalisation, normalisation),
      linear: Math.max(freezing.linear, linear),
    },
  };
}
