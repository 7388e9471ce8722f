import type { LayerJson } from "./layers-structure.ts";
import type { StoredWeight } from "./stored-weights.ts";

/** Finds the weights of layers under the names that TensorFlow.js, its converter and each version of Keras give them. */
export class LayerWeights {
  readonly #stored: ReadonlyMap<string, StoredWeight>;
  readonly #layers: ReadonlyMap<string, LayerJson>;
  readonly #unused: Set<string>;

  constructor(stored: ReadonlyMap<string, StoredWeight>, layers: readonly LayerJson[]) {
    this.#stored = stored;
    this.#layers = new Map(layers.map((layer) => [layer.name, layer]));
    this.#unused = new Set(stored.keys());
  }

  /** A weight of a layer; `position` is its place among them. */
  take(layer: string, variable: string, position: number): StoredWeight | undefined {
    const owner = this.#layers.get(layer)?.sharedWith ?? layer;
    const path = this.#layers.get(owner)?.path;
    // Keras 3 calls the kernel of a depthwise convolution like any other.
    const exact = [
      `${owner}/${variable}`,
      `${owner}/${variable.replace("depthwise_", "")}`,
      `${path}/vars/${position}`,
      `layers/${owner}/vars/${position}`,
    ];
    const name = exact.find((candidate) => this.#stored.has(candidate)) ?? this.#longer(owner, variable);
    if (name === undefined) return undefined;
    this.#unused.delete(name);
    return this.#stored.get(name);
  }

  /** A weight that nothing has taken. */
  get unused(): string | undefined {
    const [name] = this.#unused;
    return name;
  }

  /**
   * Converters of TensorFlow 2.2 and later may write `layer/cell/kernel` for `layer/kernel`, and `model/layer/kernel`
   * for a layer of a model inside the model.
   */
  #longer(layer: string, variable: string): string | undefined {
    const found = [...this.#unused].find((name) => {
      const place = `/${name}`.indexOf(`/${layer}/`);
      const isOther = this.#layers.has(name.slice(0, name.lastIndexOf("/")));
      const rest = name.slice(place + layer.length + 1);
      return place >= 0 && !isOther && (rest === variable || /^[^/]+\/(.*)$/.exec(rest)?.[1] === variable);
    });
    // A layer's own author need not name its one weight.
    const unnamed = [...this.#unused].filter(
      (name) => /\/variable(_\d+)?$/i.test(`/${name}`) && `/${name}`.includes(`/${layer}/`),
    );
    return found ?? (unnamed.length === 1 ? unnamed[0] : undefined);
  }
}
