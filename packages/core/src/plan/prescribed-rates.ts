import {
  type Chain,
  describeFreezing,
  METHOD_NAMES,
  MpoError,
  type RetrainConfig,
  resolveRetrainConfig,
} from "../facts/index.ts";
import { frozenParameters, hasEffect } from "./freezing.ts";
import type { FixedRates } from "./freezing-choices.ts";

const NOTHING: FixedRates = { featureExtraction: 1, normalisation: 1, linear: 1 };
const NORMS_ALONE: FixedRates = { featureExtraction: 1, linear: 1 };

const RATES: ReadonlyMap<string, FixedRates> = new Map<string, FixedRates>([
  ["norm", NOTHING],
  ["tent", NORMS_ALONE],
  ["eta", NORMS_ALONE],
  ["eata", NORMS_ALONE],
  ["roid", NORMS_ALONE],
  ["shot", { linear: 1 }],
]);

/**
 * What a method never trains, whatever a config says, by the name of its loss: Tent (Wang et al. 2021), ETA, EATA
 * and ROID train normalisation layers alone, SHOT (Liang et al. 2020) leaves the classifier. A search over anything else would promise what never runs.
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
      ...freezing,
      featureExtraction: Math.max(freezing.featureExtraction, featureExtraction),
      normalisation: Math.max(freezing.normalisation, normalisation),
      linear: Math.max(freezing.linear, linear),
    },
  };
}

/** What of a model trains under a method that has all its layers: `frozen[parameterId]`. */
export function frozenBy(chain: Chain, loss: string): readonly boolean[] {
  return frozenParameters(chain, withPrescribedRates(resolveRetrainConfig({}), loss).freezing);
}

/** Whether a method changes anything of a model. */
export function changesAnything(chain: Chain, loss: string): boolean {
  return hasEffect(chain, frozenBy(chain, loss));
}

/** Throws `invalid-argument` for a model of which a method changes nothing, such as Tent without a normalisation layer. */
export function requireTrainable(chain: Chain, loss: string, model: string): void {
  if (changesAnything(chain, loss)) return;
  const { freezing } = withPrescribedRates(resolveRetrainConfig({}), loss);
  const nothing = `nothing that ${loss} trains (${describeFreezing(freezing)})`;
  const has =
    prescribedRates(loss) === NOTHING ? `no batch normalisation, the one thing that ${loss} changes` : nothing;
  const others = METHOD_NAMES.filter((method) => changesAnything(chain, method));
  throw new MpoError("invalid-argument", `${model} has ${has}`, {
    hint: `Use a method that trains other layers: ${others.join(" or ") || "none does"}.`,
  });
}
