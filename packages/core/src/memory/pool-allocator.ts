import { POOL_ALIGNMENT_BYTES, POOL_MOST_WASTED_BYTES } from "../facts/index.ts";

/**
 * TensorFlow's "best fit with coalescing" pool (tensorflow/tsl/framework/bfc_allocator, 2.15), as far as it decides how
 * many bytes become resident: which free chunk is taken, when it is split, what grows together again. One region is
 * reserved in advance, so addresses are offsets into it. Pure: the same calls give the same addresses.
 */
export class PoolAllocator {
  /** All chunks by address; neighbours coalesce when free. */
  readonly #chunks: Chunk[] = [];
  readonly #byId = new Map<number, Chunk>();
  #touchedBytes = 0;

  constructor(regionBytes: number = Number.MAX_SAFE_INTEGER) {
    this.#chunks.push({ address: 0, size: regionBytes, id: undefined });
  }

  /** Bytes of the region that have been written at some time: they stay resident. */
  get touchedBytes(): number {
    return this.#touchedBytes;
  }

  /** Takes the smallest free chunk that is large enough, lowest address first. */
  allocate(id: number, bytes: number): void {
    const size = Math.max(POOL_ALIGNMENT_BYTES, Math.ceil(bytes / POOL_ALIGNMENT_BYTES) * POOL_ALIGNMENT_BYTES);
    let best = -1;
    for (let index = 0; index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index]!;
      if (chunk.id !== undefined || chunk.size < size) continue;
      if (best === -1 || chunk.size < this.#chunks[best]!.size) best = index;
    }
    const chunk = this.#chunks[best];
    if (chunk === undefined) throw new RangeError(`the pool has no room for ${bytes} bytes`);
    if (chunk.size >= 2 * size || chunk.size - size >= POOL_MOST_WASTED_BYTES) {
      this.#chunks.splice(best + 1, 0, { address: chunk.address + size, size: chunk.size - size, id: undefined });
      chunk.size = size;
    }
    chunk.id = id;
    this.#byId.set(id, chunk);
    this.#touchedBytes = Math.max(this.#touchedBytes, chunk.address + bytes);
  }

  /** Gives a chunk back; it grows together with free neighbours. */
  free(id: number): void {
    const chunk = this.#byId.get(id);
    if (chunk === undefined) return;
    this.#byId.delete(id);
    chunk.id = undefined;
    const index = this.#chunks.indexOf(chunk);
    const next = this.#chunks[index + 1];
    if (next !== undefined && next.id === undefined) {
      chunk.size += next.size;
      this.#chunks.splice(index + 1, 1);
    }
    const previous = this.#chunks[index - 1];
    if (previous !== undefined && previous.id === undefined) {
      previous.size += chunk.size;
      this.#chunks.splice(index, 1);
    }
  }
}

interface Chunk {
  address: number;
  size: number;
  /** Who holds it; undefined: free. */
  id: number | undefined;
}
