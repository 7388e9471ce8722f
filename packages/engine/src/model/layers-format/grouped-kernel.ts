/** Extents of a grouped kernel `[height, width, inputs / groups, filters]`; `inputs` counts all input channels. */
export interface GroupedKernel {
  readonly height: number;
  readonly width: number;
  readonly inputs: number;
  readonly filters: number;
  readonly groups: number;
}

/** Writes a grouped kernel as an ordinary one `[height, width, inputs, filters]` that is zero between the groups. */
export function toBlockDiagonal(kernel: Float32Array, extents: GroupedKernel): Float32Array {
  const { height, width, inputs, filters } = extents;
  const dense = new Float32Array(height * width * inputs * filters);
  forEachRun(extents, (grouped, full, length) => dense.set(kernel.subarray(grouped, grouped + length), full));
  return dense;
}

/** The grouped kernel in an ordinary one, or undefined when that is not zero between the groups. */
export function fromBlockDiagonal(dense: Float32Array, extents: GroupedKernel): Float32Array | undefined {
  const { height, width, inputs, filters, groups } = extents;
  const kernel = new Float32Array((height * width * inputs * filters) / groups);
  forEachRun(extents, (grouped, full, length) => kernel.set(dense.subarray(full, full + length), grouped));
  return countNonZeros(dense) === countNonZeros(kernel) ? kernel : undefined;
}

/** Calls with offset in the grouped kernel, offset in the full one, and length, for each run of adjacent filters. */
function forEachRun(
  { height, width, inputs, filters, groups }: GroupedKernel,
  visit: (grouped: number, full: number, length: number) => void,
): void {
  const inputsPerGroup = inputs / groups;
  const filtersPerGroup = filters / groups;
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let input = 0; input < inputsPerGroup; input++) {
      for (let group = 0; group < groups; group++) {
        const filter = group * filtersPerGroup;
        const grouped = (pixel * inputsPerGroup + input) * filters + filter;
        const full = (pixel * inputs + group * inputsPerGroup + input) * filters + filter;
        visit(grouped, full, filtersPerGroup);
      }
    }
  }
}

function countNonZeros(values: Float32Array): number {
  let count = 0;
  for (const value of values) if (value !== 0) count++;
  return count;
}
