import { type Chain, type FreezingRates, LAYER_CLASSES, type LayerClass, remembered } from "../facts/index.ts";
import { layersOfClass, trainedLayers } from "../plan/index.ts";

/** Freezing rates this far apart (Euclidean) learn about the same. So do sets of named layers that differ in this share. */
const RATE_LENGTH = 0.25;

type Rates = Readonly<Record<LayerClass, number>>;

/** How unlike two freezings are in what can be learned under them, squared; 1: about the same is learned. */
export class FreezingDistance {
  readonly #chain: Chain | undefined;
  readonly #trainedLayers = new WeakMap<FreezingRates, ReadonlySet<string>>();

  /** `chain`: says what a freezing that names its layers leaves to train; without it, its rates alone count. */
  constructor(chain?: Chain) {
    this.#chain = chain;
  }

  squared(left: FreezingRates, right: FreezingRates): number {
    const chain = left.onlyLayers === undefined && right.onlyLayers === undefined ? undefined : this.#chain;
    if (chain === undefined) return ratesApart(left, right);
    const [own, others] = [this.#trained(chain, left), this.#trained(chain, right)];
    const either = new Set([...own, ...others]);
    const both = [...own].filter((layer) => others.has(layer)).length;
    const setsApart = either.size === 0 ? 0 : 1 - both / either.size;
    return ratesApart(sharesFrozen(chain, own), sharesFrozen(chain, others)) + (setsApart / RATE_LENGTH) ** 2;
  }

  #trained(chain: Chain, freezing: FreezingRates): ReadonlySet<string> {
    return remembered(this.#trainedLayers, freezing, () => trainedLayers(chain, freezing));
  }
}

function ratesApart(left: Rates, right: Rates): number {
  return LAYER_CLASSES.reduce((sum, name) => sum + ((left[name] - right[name]) / RATE_LENGTH) ** 2, 0);
}

/** Of the layers of each class; of a class without any, none. */
function sharesFrozen(chain: Chain, trained: ReadonlySet<string>): Rates {
  const shareOf = (layerClass: LayerClass): number => {
    const layers = layersOfClass(chain, layerClass);
    return layers.length === 0 ? 0 : layers.filter((layer) => !trained.has(layer)).length / layers.length;
  };
  return {
    featureExtraction: shareOf("featureExtraction"),
    normalisation: shareOf("normalisation"),
    linear: shareOf("linear"),
  };
}
