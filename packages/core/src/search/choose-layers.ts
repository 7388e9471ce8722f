import { fillKnapsack } from "../numerics/index.ts";

/** What one step takes. */
export interface LayersCost {
  readonly memoryBytes: number;
  readonly stepMs: number;
}

/** Layers that train, what they matter together, and what a step takes with them. */
export interface ChosenLayers extends LayersCost {
  readonly layers: readonly string[];
  readonly importance: number;
}

/**
 * The layers that matter most together, of those under which a step keeps the limits. `importance`: of each layer that may
 * train, in the order of the model. `costOf`: of a step that trains these layers alone. Undefined: no single one fits.
 *
 * What a layer adds to a step depends on where the backward pass ends: the first that trains is tried in turn, and for
 * each a knapsack is filled with those after it (ElasticTrainer, Huang et al. 2023, has the same idea for time). Layers that
 * share something, such as an input that is kept for both, cost less together than the sum: what then still fits is added.
 */
export function chooseLayers(
  importance: ReadonlyMap<string, number>,
  limits: LayersCost,
  costOf: (layers: readonly string[]) => LayersCost,
): ChosenLayers | undefined {
  const all = [...importance.keys()];
  const worthOf = (layers: readonly string[]): number =>
    layers.reduce((sum, layer) => sum + (importance.get(layer) ?? 0), 0);
  const fits = ({ memoryBytes, stepMs }: LayersCost): boolean =>
    memoryBytes <= limits.memoryBytes && stepMs <= limits.stepMs;
  let best: ChosenLayers | undefined;
  for (const [index, first] of all.entries()) {
    const later = all.slice(index + 1);
    if (best !== undefined && worthOf([first, ...later]) <= best.importance) break;
    const alone = costOf([first]);
    if (!fits(alone)) continue;
    const items = later.map((layer) => {
      const { memoryBytes, stepMs } = costOf([first, layer]);
      const added = [Math.max(0, memoryBytes - alone.memoryBytes), Math.max(0, stepMs - alone.stepMs)] as const;
      return { value: importance.get(layer) ?? 0, weights: added };
    });
    const room = [limits.memoryBytes - alone.memoryBytes, limits.stepMs - alone.stepMs] as const;
    const packed = fillKnapsack(items, room).map((at) => later[at] as string);
    const byWorth = (layers: readonly string[]): readonly string[] =>
      layers.toSorted((left, right) => worthOf([right]) - worthOf([left]));
    // The most important first, so that what is left out where the sum was too low a guess matters least.
    const trained = new Set([first]);
    for (const layer of [...byWorth(packed), ...byWorth(later.filter((each) => !packed.includes(each)))]) {
      trained.add(layer);
      if (!fits(costOf([...trained]))) trained.delete(layer);
    }
    const layers = all.filter((layer) => trained.has(layer));
    const chosen = { layers, importance: worthOf(layers), ...costOf(layers) };
    if (best === undefined || chosen.importance > best.importance) best = chosen;
  }
  return best;
}
