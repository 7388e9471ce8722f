import type { serialization, Tensor, Tensor4D } from "@tensorflow/tfjs";

/** The TensorFlow.js module to work with, `@tensorflow/tfjs` or `@tensorflow/tfjs-node`; nothing here loads one. */
export type TensorFlow = typeof import("@tensorflow/tfjs");

const CLASS_NAME = "GroupNormalization";
const RANK = 4;

/**
 * Registers the one layer class that exported models need in addition to the stock ones: group normalisation over channels
 * last (Wu and He 2018), with the configuration of Keras's layer of the same name. Doing it again changes nothing.
 */
export function registerGroupNormalization(tf: TensorFlow): void {
  if (CLASS_NAME in tf.serialization.SerializationMap.getMap().classNameMap) return;

  class GroupNormalization extends tf.layers.Layer {
    static readonly className = CLASS_NAME;
    readonly #groups: number;
    readonly #epsilon: number;
    readonly #center: boolean;
    readonly #scale: boolean;
    #gamma: ReturnType<GroupNormalization["addWeight"]> | undefined;
    #beta: ReturnType<GroupNormalization["addWeight"]> | undefined;

    constructor(config: serialization.ConfigDict) {
      super(config);
      this.#groups = Number(config["groups"] ?? 32);
      this.#epsilon = Number(config["epsilon"] ?? 1e-3);
      this.#center = config["center"] !== false;
      this.#scale = config["scale"] !== false;
    }

    override build(inputShape: (number | null)[]): void {
      const channels = inputShape.at(-1) ?? 0;
      if (inputShape.length !== RANK || channels % this.#groups !== 0) {
        throw new Error(
          `${CLASS_NAME}: input [${inputShape}] with ${this.#groups} groups; expected [batch, h, w, channels]`,
        );
      }
      if (this.#scale) this.#gamma = this.addWeight("gamma", [channels], "float32", tf.initializers.ones());
      if (this.#center) this.#beta = this.addWeight("beta", [channels], "float32", tf.initializers.zeros());
      this.built = true;
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      return tf.tidy(() => {
        const x = (Array.isArray(inputs) ? inputs[0] : inputs) as Tensor4D;
        const [batch, height, width, channels] = x.shape;
        const grouped = tf.reshape(x, [batch, height * width, this.#groups, channels / this.#groups]);
        const { mean, variance } = tf.moments(grouped, [1, 3], true);
        const deviation = tf.sqrt(tf.add(variance, this.#epsilon));
        let y: Tensor = tf.reshape(tf.div(tf.sub(grouped, mean), deviation), x.shape);
        if (this.#gamma !== undefined) y = tf.mul(y, this.#gamma.read());
        if (this.#beta !== undefined) y = tf.add(y, this.#beta.read());
        return y;
      });
    }

    override computeOutputShape(inputShape: (number | null)[]): (number | null)[] {
      return inputShape;
    }

    override getConfig(): serialization.ConfigDict {
      const own = { groups: this.#groups, epsilon: this.#epsilon, center: this.#center, scale: this.#scale, axis: -1 };
      return { ...super.getConfig(), ...own };
    }
  }

  tf.serialization.registerClass(GroupNormalization);
}
