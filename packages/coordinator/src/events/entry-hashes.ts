/** As much of a hash as nobody can find another entry for. */
const HASH_BYTES = 16;
const PER_CHUNK = 4096;

/** The hashes of entries by their place: 16 MB for a million of them, however far apart. */
export class EntryHashes {
  readonly #chunks = new Map<number, Buffer>();

  set(sequence: number, hash: string): void {
    const at = Math.floor(sequence / PER_CHUNK);
    const chunk = this.#chunks.get(at) ?? Buffer.alloc(PER_CHUNK * HASH_BYTES);
    this.#chunks.set(at, chunk);
    prefixOf(hash).copy(chunk, (sequence % PER_CHUNK) * HASH_BYTES);
  }

  has(sequence: number, hash: string): boolean {
    const offset = (sequence % PER_CHUNK) * HASH_BYTES;
    const chunk = this.#chunks.get(Math.floor(sequence / PER_CHUNK));
    return chunk !== undefined && prefixOf(hash).equals(chunk.subarray(offset, offset + HASH_BYTES));
  }

  /** Where the entry with this hash is. Looks at all of them. */
  find(hash: string): number | undefined {
    const prefix = prefixOf(hash);
    for (const [at, chunk] of this.#chunks) {
      for (let offset = chunk.indexOf(prefix); offset >= 0; offset = chunk.indexOf(prefix, offset + 1)) {
        if (offset % HASH_BYTES === 0) return at * PER_CHUNK + offset / HASH_BYTES;
      }
    }
    return undefined;
  }
}

function prefixOf(hash: string): Buffer {
  return Buffer.from(hash.slice(0, 2 * HASH_BYTES), "hex");
}
