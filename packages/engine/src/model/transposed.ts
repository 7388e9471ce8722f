/** Axes of values put in another order: axis `i` of the result is axis `order[i]`. */
export function transposed<Values extends Float32Array | Float64Array | Int32Array>(
  values: Values,
  shape: readonly number[],
  order: readonly number[],
): Values {
  const strides = stridesOf(shape);
  const extents = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const result = values.slice() as Values;
  const at = extents.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = values[from]!;
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++at[axis]! < extents[axis]!) break;
      from -= steps[axis]! * extents[axis]!;
      at[axis] = 0;
    }
  }
  return result;
}

/** How far apart neighbours along each axis lie in a row-major array of this shape. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}
