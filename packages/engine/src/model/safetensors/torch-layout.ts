import { transposed } from "../transposed.ts";
import type { GraphVariable } from "../variables.ts";

/** How a variable of the engine lies in a state dict of PyTorch. */
export interface TorchLayout {
  /** Last part of its name there. */
  readonly part: string;
  readonly shape: readonly number[];
  /** Order of the engine's axes there, as `transposed` takes it; undefined: the same. */
  readonly order: readonly number[] | undefined;
}

const PARTS: Readonly<Record<string, string>> = {
  ...{ kernel: "weight", depthwise_kernel: "weight", bias: "bias", gamma: "weight", beta: "bias" },
  ...{ moving_mean: "running_mean", moving_variance: "running_var" },
};

/** HWIO becomes OIHW, HWCM `[channels * multiplier, 1, h, w]`, and a dense kernel `[units, features]`. */
export function torchLayout({ spec }: GraphVariable): TorchLayout {
  const { name, shape } = spec;
  const part = PARTS[name] ?? name;
  const [first = 1, second = 1, third = 1, fourth = 1] = shape;
  if (name === "depthwise_kernel") {
    return { part, shape: [third * fourth, 1, first, second], order: [2, 3, 0, 1] };
  }
  if (name !== "kernel") return { part, shape, order: undefined };
  return shape.length === 4
    ? { part, shape: [fourth, third, first, second], order: [3, 2, 0, 1] }
    : { part, shape: [second, first], order: [1, 0] };
}

/** The engine's values as PyTorch has them. */
export function toTorch(values: Float32Array, { spec }: GraphVariable, { order }: TorchLayout): Float32Array {
  return order === undefined ? values : transposed(values, spec.shape, order);
}

/** And back. */
export function fromTorch(values: Float32Array, { spec }: GraphVariable, { order }: TorchLayout): Float32Array {
  if (order === undefined) return values;
  const stored = order.map((axis) => spec.shape[axis]!);
  return transposed(
    values,
    stored,
    order.map((_, axis) => order.indexOf(axis)),
  );
}
