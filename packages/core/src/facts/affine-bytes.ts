import { byteCount, type Fact, object } from "./schema.ts";

/** A byte count that grows with the micro-batch: `fixed + perSample * b`. */
export type AffineBytes = Fact<typeof affineSchema>;
export const affineSchema = object({ fixed: byteCount(), perSample: byteCount() });

export const NO_BYTES: AffineBytes = { fixed: 0, perSample: 0 };

/** `fixed + perSample * microBatch`, in bytes. */
export function bytesAt(bytes: AffineBytes, microBatch: number): number {
  return bytes.fixed + bytes.perSample * microBatch;
}

export function addBytes(left: AffineBytes, right: AffineBytes): AffineBytes {
  return { fixed: left.fixed + right.fixed, perSample: left.perSample + right.perSample };
}

/** Bytes that do not depend on the micro-batch (a parameter, a table). */
export function fixedBytes(fixed: number): AffineBytes {
  return { fixed, perSample: 0 };
}

/** Bytes of an activation: a number for each sample of the micro-batch. */
export function perSampleBytes(perSample: number): AffineBytes {
  return { fixed: 0, perSample };
}
