/** 1, 2, 4, ... up to `most`, itself included where it is one. */
export function powersOfTwo(most: number): readonly number[] {
  const sizes: number[] = [];
  for (let size = 1; size <= most; size *= 2) sizes.push(size);
  return sizes;
}
