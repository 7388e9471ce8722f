import type { Random } from "@mpo/datasets";
import type { VariableSpec } from "../ops/op-definition.ts";
import { elementsOf } from "./model-graph.ts";

/** Standard deviation of the standard normal distribution cut off at two; values are divided by it. */
const TRUNCATED_DEVIATION = 0.87962566103423978;
const SMALL_DEVIATION = 0.02;

/**
 * First values of a variable, row-major. `heNormal`: normal with variance 2 / fan-in, cut off at two deviations
 * (He et al. 2015); `glorotUniform`: uniform within sqrt(6 / (fan-in + fan-out)) (Glorot and Bengio 2010); `smallNormal`:
 * normal with deviation 0.02, cut off at two deviations (Dosovitskiy et al. 2021).
 */
export function initialValues(spec: VariableSpec, random: Random): Float32Array {
  const values = new Float32Array(elementsOf(spec.shape));
  switch (spec.initializer) {
    case "zeros":
      return values;
    case "ones":
      return values.fill(1);
    case "heNormal": {
      const deviation = Math.sqrt(2 / fans(spec).fanIn) / TRUNCATED_DEVIATION;
      return values.map(() => deviation * truncatedGaussian(random));
    }
    case "smallNormal":
      return values.map(() => SMALL_DEVIATION * truncatedGaussian(random));
    case "glorotUniform": {
      const { fanIn, fanOut } = fans(spec);
      const limit = Math.sqrt(6 / (fanIn + fanOut));
      return values.map(() => limit * (2 * random.uniform() - 1));
    }
  }
}

/** Kernels are `[h, w, in, out]` or `[in, out]`; a depthwise output sees one channel only, so its fan-in is `h * w`. */
function fans({ name, shape }: VariableSpec): { readonly fanIn: number; readonly fanOut: number } {
  const [inputs = 1, outputs = 1] = shape.slice(-2);
  const window = elementsOf(shape.slice(0, -2));
  if (name === "depthwise_kernel") return { fanIn: window, fanOut: window * outputs };
  return { fanIn: window * inputs, fanOut: window * outputs };
}

function truncatedGaussian(random: Random): number {
  for (;;) {
    const value = random.gaussian();
    if (Math.abs(value) <= 2) return value;
  }
}
