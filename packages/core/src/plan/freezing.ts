import { type Chain, closestOf, type FreezingRates, LAYER_CLASSES, type LayerClass, MpoError } from "../facts/index.ts";

/**
 * The parameters that do not train: of each class's layers, in the order of the model, the first
 * `round(rate * count)`, and all layers that are not among `onlyLayers`. Returns `frozen[parameterId]`. Throws
 * `invalid-argument` for a layer that the chain does not have.
 */
export function frozenParameters(chain: Chain, { onlyLayers, ...rates }: FreezingRates): readonly boolean[] {
  const allowed = onlyLayers && knownLayers(chain, onlyLayers);
  const frozenLayers = new Set<string>();
  for (const layerClass of LAYER_CLASSES) {
    const layers = layersOfClass(chain, layerClass);
    const count = Math.round(rates[layerClass] * layers.length);
    for (const layer of layers.slice(0, count)) frozenLayers.add(layer);
  }
  return chain.parameters.map(({ layer }) => frozenLayers.has(layer) || allowed?.has(layer) === false);
}

/** Names of the layers of which something trains. */
export function trainedLayers(chain: Chain, freezing: FreezingRates): ReadonlySet<string> {
  const frozen = frozenParameters(chain, freezing);
  return new Set(chain.parameters.flatMap(({ id, layer }) => (frozen[id] ? [] : [layer])));
}

function knownLayers(chain: Chain, names: readonly string[]): ReadonlySet<string> {
  const known = new Set(chain.parameters.map(({ layer }) => layer));
  const unknown = names.find((name) => !known.has(name));
  if (unknown === undefined) return new Set(names);
  const meant = closestOf(unknown, [...known]);
  throw new MpoError("invalid-argument", `onlyLayers: the model has no layer "${unknown}" with parameters`, {
    ...(meant === undefined ? {} : { hint: `Did you mean ${meant}?` }),
  });
}

/**
 * Whether a step changes anything: some parameter trains, or a normalisation takes the statistics of the batch, which move
 * the model's own. Those of a batch, other than a sample's, do not grow with it.
 */
export function hasEffect({ ops }: Chain, frozen: readonly boolean[]): boolean {
  return frozen.includes(false) || ops.some(({ statisticsBytes }) => (statisticsBytes?.fixed ?? 0) > 0);
}

/** Names of the layers of one class that have parameters, from the input side. */
export function layersOfClass(chain: Chain, layerClass: LayerClass): readonly string[] {
  const layers = new Set<string>();
  for (const parameter of chain.parameters) if (parameter.layerClass === layerClass) layers.add(parameter.layer);
  return [...layers];
}

/**
 * For each value of the chain: does the loss's gradient have to reach it? True when something that trains lies at or
 * before the operation that produced it. The backward pass stops where this turns false.
 */
export function valuesWithGradient(chain: Chain, frozen: readonly boolean[]): readonly boolean[] {
  const wanted = chain.values.map(() => false);
  for (const op of chain.ops) {
    const trains = op.parameters.some((parameter) => !frozen[parameter]);
    wanted[op.output] = trains || op.inputs.some((input) => wanted[input]);
  }
  return wanted;
}
