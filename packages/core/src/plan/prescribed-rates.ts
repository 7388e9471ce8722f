import { type Chain, describeFreezing, MpoError, type RetrainConfig, resolveRetrainConfig } from "../facts/index.ts";
import { frozenParameters } from "./freezing.ts";
import type { FixedRates } from "./freezing-choices.ts";

/**
 * Methods of adaptation, by the names of their losses.
 * - `tent`: mean entropy of the predictions (Wang et al. 2021).
 * - `eta`: the same of reliable samples that are not like the others, the surer the more (Niu et al. 2022, section 3.1).
 * - `shot`: information maximisation, entropy minus diversity, plus cross-entropy on pseudo-labels where labels are
 *   given (Liang et al. 2020). A label of -1 counts for nothing.
 * - `crossEntropy`: needs labels.
 */
export const METHOD_NAMES = ["tent", "eta", "shot", "crossEntropy"] as const;
export type MethodName = (typeof METHOD_NAMES)[number];

const NORMS_ALONE: FixedRates = { featureExtraction: 1, linear: 1 };

const RATES: ReadonlyMap<string, FixedRates> = new Map<string, FixedRates>([
  ["tent", NORMS_ALONE],
  ["eta", NORMS_ALONE],
  ["shot", { linear: 1 }],
]);

/**
 * What a method never trains, whatever a config says, by the name of its loss: Tent (Wang et al. 2021) and ETA train
 * normalisation layers alone, SHOT (Liang et al. 2020) leaves the classifier. A search over anything else would promise what never runs.
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

/** Throws `invalid-argument` for a model of which a method trains nothing, such as Tent without a normalisation layer. */
export function requireTrainable(chain: Chain, loss: string, model: string): void {
  const freezingOf = (method: string) => withPrescribedRates(resolveRetrainConfig({}), method).freezing;
  const trains = (method: string): boolean => frozenParameters(chain, freezingOf(method)).includes(false);
  if (trains(loss)) return;
  throw new MpoError(
    "invalid-argument",
    `${model} has nothing that ${loss} trains (${describeFreezing(freezingOf(loss))})`,
    {
      hint: `Use a method that trains other layers: ${METHOD_NAMES.filter(trains).join(" or ") || "none does"}.`,
    },
  );
}
