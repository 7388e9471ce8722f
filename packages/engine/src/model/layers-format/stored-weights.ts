import { createHash } from "node:crypto";
import { type FileHandle, open, stat } from "node:fs/promises";
import { join, normalize, sep } from "node:path";
import { halfToNumber, MpoError } from "@mpo/core";
import { type Abortable, fileError, systemErrorCode, throwIfAborted } from "@mpo/io";
import { elementsOf } from "../model-graph.ts";
import { invalid } from "./file-errors.ts";
import type { WeightGroup, WeightSpec } from "./layers-json.ts";

export interface StoredWeight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
  /** Where its first byte lies, for messages. */
  readonly file: string;
  readonly offsetBytes: number;
}

/** Our own shards carry the first 16 hexadecimal digits of their SHA-256 in their names. */
const HASHED_NAME = /-([0-9a-f]{16})\.bin$/;
export const HASH_DIGITS = 16;

const BYTES_PER_ELEMENT = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 } as const;

/**
 * Reads the float32 weights of a manifest, one shard in memory at a time; quantised ones are dequantised. Weights of an
 * optimizer and of other types are passed over. Throws `not-found`, `cancelled`, and `invalid-data` naming file,
 * offset and what was expected when files are missing bytes, have too many, or hold a number that is not finite.
 */
export async function readStoredWeights(
  folder: string,
  manifest: readonly WeightGroup[],
  options: Abortable = {},
): Promise<ReadonlyMap<string, StoredWeight>> {
  const weights = new Map<string, StoredWeight>();
  for (const group of manifest) {
    const shards = await shardsOf(folder, group, options);
    const reader = new ShardReader(shards, options);
    try {
      for (const spec of group.weights) {
        const place = reader.place();
        const bytes = await reader.take(storedBytes(spec));
        if (spec.dtype !== "float32" || spec.group === "optimizer") continue;
        if (weights.has(spec.name)) {
          throw invalid(folder, `the manifest has weight "${spec.name}" twice; expected once`);
        }
        const values = decode(bytes, spec);
        requireFinite(values, spec.name, `which begins at byte ${place.offsetBytes} of ${place.file},`);
        weights.set(spec.name, { shape: spec.shape, values, ...place });
      }
    } finally {
      await reader.close();
    }
  }
  return weights;
}

interface Shard {
  readonly path: string;
  readonly sizeBytes: number;
}

interface Place {
  readonly file: string;
  readonly offsetBytes: number;
}

/** The files of a group, after comparing their sizes with what the manifest needs. */
async function shardsOf(folder: string, group: WeightGroup, options: Abortable): Promise<readonly Shard[]> {
  const shards: Shard[] = [];
  for (const path of group.paths) {
    throwIfAborted(options.signal);
    shards.push(await shardAt(folder, path));
  }
  const expected = group.weights.reduce((sum, spec) => sum + storedBytes(spec), 0);
  const found = shards.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (found !== expected) {
    // All shards but the last have the same size, so one that is smaller than another was cut off.
    const largest = Math.max(...shards.map(({ sizeBytes }) => sizeBytes));
    const suspect = shards.slice(0, -1).find(({ sizeBytes }) => sizeBytes < largest) ?? shards.at(-1);
    const problem = found < expected ? "ends too early" : "is too long";
    throw new MpoError(
      "invalid-data",
      `${suspect?.path ?? folder} ${problem}, at byte ${suspect?.sizeBytes ?? 0}: the weights need ${expected} bytes in all, the ${shards.length} files have ${found}`,
      { hint: "Copy the model again." },
    );
  }
  return shards;
}

/** Browsers and converters may have written a file's name as part of a URL, with `%20` for a space. */
async function shardAt(folder: string, path: string): Promise<Shard> {
  const full = join(folder, path);
  if (!full.startsWith(join(normalize(folder), sep))) {
    throw invalid(folder, `the manifest names "${path}"; expected a file in this folder`);
  }
  try {
    return { path: full, sizeBytes: (await stat(full)).size };
  } catch (thrown) {
    const isEncoded = /^(?:[^%]|%[0-9a-f]{2})*$/i.test(path) && path.includes("%");
    if (systemErrorCode(thrown) === "ENOENT" && isEncoded) return await shardAt(folder, decodeURIComponent(path));
    throw fileError(thrown, "read", full);
  }
}

/** Hands out the bytes of several files as if they were one. */
class ShardReader {
  readonly #shards: readonly Shard[];
  readonly #options: Abortable;
  #index = 0;
  #offset = 0;
  #file: FileHandle | undefined;
  #hash = createHash("sha256");

  constructor(shards: readonly Shard[], options: Abortable) {
    this.#shards = shards;
    this.#options = options;
  }

  /** Where the next byte lies. */
  place(): Place {
    return { file: this.#shards[this.#index]?.path ?? "", offsetBytes: this.#offset };
  }

  async take(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const shard = this.#shards[this.#index]!;
      const wanted = Math.min(count - filled, shard.sizeBytes - this.#offset);
      if (wanted > 0) await this.#read(shard, bytes.subarray(filled, filled + wanted));
      filled += wanted;
      if (this.#offset === shard.sizeBytes) await this.#finish(shard);
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #read(shard: Shard, target: Uint8Array<ArrayBuffer>): Promise<void> {
    throwIfAborted(this.#options.signal);
    try {
      this.#file ??= await open(shard.path, "r");
      const { bytesRead } = await this.#file.read(target, 0, target.length, this.#offset);
      if (bytesRead !== target.length) {
        throw invalid(shard.path, `ends at byte ${this.#offset + bytesRead}; expected ${shard.sizeBytes} bytes`);
      }
    } catch (thrown) {
      throw fileError(thrown, "read", shard.path);
    }
    this.#hash.update(target);
    this.#offset += target.length;
  }

  async #finish(shard: Shard): Promise<void> {
    await this.close();
    const digest = this.#hash.digest("hex").slice(0, HASH_DIGITS);
    const expected = HASHED_NAME.exec(shard.path)?.[1];
    if (expected !== undefined && digest !== expected) {
      throw invalid(shard.path, `its content has the hash ${digest}; expected ${expected}`, "Copy the model again.");
    }
    this.#hash = createHash("sha256");
    this.#index++;
    this.#offset = 0;
  }
}

function storedBytes({ shape, dtype, quantization }: WeightSpec): number {
  return elementsOf(shape) * BYTES_PER_ELEMENT[quantization?.dtype ?? dtype];
}

/** The format is little-endian, as is every machine that TensorFlow runs on. */
function decode({ buffer }: Uint8Array<ArrayBuffer>, { quantization }: WeightSpec): Float32Array {
  if (quantization === undefined) return new Float32Array(buffer);
  const { dtype, scale = 1, min = 0 } = quantization;
  if (dtype === "float16") return Float32Array.from(new Uint16Array(buffer), halfToNumber);
  const levels = dtype === "uint8" ? new Uint8Array(buffer) : new Uint16Array(buffer);
  return Float32Array.from(levels, (level) => level * scale + min);
}

/** Throws `invalid-data` for a number that is not finite; `where` says where the weight lies. */
export function requireFinite(values: Float32Array, name: string, where: string): void {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  const found = `${values[bad]} at element ${bad}`;
  throw new MpoError("invalid-data", `weight "${name}", ${where} is ${found}; expected finite numbers`);
}
