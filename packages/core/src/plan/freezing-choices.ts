import { type Chain, type FreezingRates, LAYER_CLASSES, type LayerClass, NOTHING_FROZEN } from "../facts/index.ts";
import { frozenParameters, layersOfClass } from "./freezing.ts";

/** One set of frozen parameters, with the lowest rates that give it. */
export interface FreezingChoice {
  readonly rates: FreezingRates;
  /** `frozen[parameterId]`. */
  readonly frozen: readonly boolean[];
}

/** Rates that a method prescribes: Tent trains normalisation only, SHOT leaves the classifier alone. */
export type FixedRates = Partial<Readonly<Record<LayerClass, number>>>;

const TENTHS: readonly number[] = Array.from({ length: 11 }, (_, tenths) => tenths / 10);

/**
 * Whether a search freezes layers of a class. A class of one layer (the classifier) is left to train unless a method fixes
 * it: freezing it saves next to nothing.
 */
export function hasChoice(chain: Chain, layerClass: LayerClass): boolean {
  return layersOfClass(chain, layerClass).length > 1;
}

/**
 * All sets of frozen parameters that rates in tenths, one a layer class (`hasChoice`), can give; each set once. All of them
 * only where a method prescribes that.
 */
export function freezingChoices(chain: Chain, fixed: FixedRates = {}): readonly FreezingChoice[] {
  const ratesOf = (layerClass: LayerClass): readonly number[] => {
    const prescribed = fixed[layerClass];
    if (prescribed !== undefined) return [prescribed];
    return hasChoice(chain, layerClass) ? TENTHS : [0];
  };
  // Classes freeze separately: the set of a combination is the union of the sets of its rates.
  const setsOf = (layerClass: LayerClass): readonly ClassRate[] =>
    ratesOf(layerClass).map((rate) => ({
      rate,
      frozen: frozenParameters(chain, { ...NOTHING_FROZEN, [layerClass]: rate }),
    }));
  const linears = setsOf("linear");
  const norms = setsOf("normalisation");
  const trainsNothing = LAYER_CLASSES.every((layerClass) => fixed[layerClass] === 1);
  const choices = new Map<string, FreezingChoice>();
  for (const feature of setsOf("featureExtraction")) {
    for (const norm of norms) {
      for (const linear of linears) {
        const frozen = chain.parameters.map(
          ({ id }) => (feature.frozen[id] || norm.frozen[id] || linear.frozen[id]) === true,
        );
        if (frozen.every((isFrozen) => isFrozen) && !trainsNothing) continue;
        const key = frozen.join();
        const rates = { featureExtraction: feature.rate, normalisation: norm.rate, linear: linear.rate };
        if (!choices.has(key)) choices.set(key, { rates, frozen });
      }
    }
  }
  return [...choices.values()];
}

interface ClassRate {
  readonly rate: number;
  readonly frozen: readonly boolean[];
}

/** Bytes of the parameters that train: of all, where none is said to be frozen. */
export function trainedBytes(chain: Chain, frozen: readonly boolean[]): number {
  return chain.parameters.reduce((sum, { id, bytes }) => (frozen[id] ? sum : sum + bytes), 0);
}
