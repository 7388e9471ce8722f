import { MpoError } from "@mpo/core";
import type { ActivationName, OpAttributes } from "../model-graph.ts";

/** HARD_SIGMOID of Keras 2 and TensorFlow.js, `clip(0.2 x + 0.5, 0, 1)`; Keras 3 has 1/6. */
export const KERAS2_SLOPE = 0.2;

/** Of the function leaky_relu; the layer LeakyReLU has 0.3. */
const LEAKY_SLOPE = 0.2;

const ACTIVATIONS: Readonly<Record<string, ActivationName>> = {
  linear: "linear",
  relu: "relu",
  relu6: "relu6",
  sigmoid: "sigmoid",
  tanh: "tanh",
  swish: "swish",
  silu: "swish",
  hard_sigmoid: "hardSigmoid",
  hard_swish: "hardSwish",
  hard_silu: "hardSwish",
  leaky_relu: "leakyRelu",
  elu: "elu",
  selu: "selu",
  gelu: "gelu",
  softplus: "softplus",
  softsign: "softsign",
  softmax: "softmax",
};

/** The activation of a name. Throws `unsupported`. */
export function activationOf(name: string, kerasVersion: string): OpAttributes["activation"] {
  const own = ACTIVATIONS[name];
  if (own === undefined) {
    const known = Object.keys(ACTIVATIONS).join(", ");
    throw new MpoError("unsupported", `activation "${name}" is not supported; supported are ${known}`);
  }
  if (own === "leakyRelu") return { function: own, slope: LEAKY_SLOPE };
  return own === "hardSigmoid" && !kerasVersion.startsWith("3.")
    ? { function: own, slope: KERAS2_SLOPE }
    : { function: own };
}

/** What files call an activation. */
export function storedActivation(name: ActivationName): string | undefined {
  return Object.keys(ACTIVATIONS).find((stored) => ACTIVATIONS[stored] === name);
}
