import { MpoError } from "@mpo/core";

/** An array of an HDF5 file; `dtype` is such as `<f4`. */
export interface Hdf5Array {
  readonly shape: readonly number[];
  readonly dtype: unknown;
  readonly value: ArrayLike<number>;
}

export interface Hdf5Group {
  readonly keys: readonly string[];
  readonly attrs: Readonly<Record<string, unknown>>;
  get(name: string): Hdf5Group | Hdf5Array;
}

export function isHdf5Array(part: Hdf5Group | Hdf5Array): part is Hdf5Array {
  return "value" in part;
}

/** Uses an HDF5 file; what the library throws of one that is not whole becomes `damaged`, as it may be text. */
export async function withHdf5<T>(
  bytes: Uint8Array,
  file: string,
  use: (root: Hdf5Group) => T,
  damaged: () => MpoError,
): Promise<T> {
  // Loaded with the first such file: most programs read none.
  const { File: Hdf5File } = await import("jsfive");
  try {
    return use(new Hdf5File(new Uint8Array(bytes).buffer, file));
  } catch (thrown) {
    throw thrown instanceof MpoError ? thrown : damaged();
  }
}
