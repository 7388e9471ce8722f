import {
  type Chain,
  type Checkpoints,
  type FreezingRates,
  LAYER_CLASSES,
  type RetrainConfig,
  resolveRetrainConfig,
  uniformFreezing,
} from "@mpo/core";
import { createRandom, type Random } from "@mpo/datasets";

/** What the configs of a probe are chosen for. */
export interface ProbeConfigOptions {
  readonly effectiveBatch: number;
  /** What the method never trains. */
  readonly freezing: FreezingRates;
  readonly seed: number;
}

const MANY_SEGMENTS = 8;
const RANDOM_CONFIGS = 64;
/** More micro-batches than this show nothing that this many do not. */
const ACCUMULATION = 2;

/**
 * Configs whose whole steps are worth measuring, most valuable first: first the corners of the space (large and small
 * micro-batches, with and without recomputing, freezing and accumulation), then seeded draws from all of it. Steps are
 * cheap: two micro-batches show what accumulation costs.
 */
export function probeConfigs(chain: Chain, options: ProbeConfigOptions): readonly RetrainConfig[] {
  const batch = options.effectiveBatch;
  const part = (share: number): number => Math.max(1, Math.floor(batch / share));
  const segments = Math.max(2, Math.round(Math.sqrt(chain.units.length)));
  const uniform: Checkpoints = { kind: "uniform", segments };
  const corners: readonly Partial<RetrainConfig>[] = [
    { microBatch: part(4), accumulation: ACCUMULATION },
    // Where what a step takes besides its work, in memory and in time, is most of it.
    { microBatch: Math.min(2, batch), accumulation: 2 * ACCUMULATION },
    { microBatch: part(2), checkpoints: uniform },
    { microBatch: part(16), accumulation: ACCUMULATION, freezing: uniformFreezing(0.5) },
    { microBatch: part(16) },
    { microBatch: part(4), accumulation: ACCUMULATION, freezing: uniformFreezing(0.5) },
    { microBatch: batch },
    { microBatch: part(64), accumulation: ACCUMULATION, checkpoints: uniform, freezing: uniformFreezing(0.3) },
    { microBatch: part(2), accumulation: ACCUMULATION, freezing: uniformFreezing(0.7) },
    { microBatch: 1, accumulation: 2 * ACCUMULATION },
  ];
  const random = createRandom(options.seed);
  const drawn = Array.from({ length: RANDOM_CONFIGS }, () => drawConfig(random, chain, batch));
  const all = [...corners, ...drawn].map((partial) => withMethod(resolveRetrainConfig(partial), options.freezing));
  const seen = new Set<string>();
  return all.filter((config) => {
    const key = JSON.stringify(config);
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}

/** One config from the whole space of those that are cheap to run. */
function drawConfig(random: Random, chain: Chain, batch: number): RetrainConfig {
  const pick = <Item>(items: readonly Item[]): Item => items[random.integer(items.length)] as Item;
  const sizes = powersOfTwo(batch);
  const rate = (): number => random.integer(10) / 10;
  const units = chain.units.length;
  const starts = Array.from({ length: 1 + random.integer(Math.min(MANY_SEGMENTS, units)) }, () =>
    random.integer(units),
  );
  const at = [...new Set(starts)].sort((left, right) => left - right);
  return resolveRetrainConfig({
    microBatch: pick(sizes),
    accumulation: pick([1, ACCUMULATION]),
    freezing: { featureExtraction: rate(), normalisation: rate(), linear: 0 },
    checkpoints: pick<Checkpoints>([{ kind: "none" }, { kind: "boundaries", at }]),
  });
}

function withMethod(config: RetrainConfig, fixed: FreezingRates): RetrainConfig {
  const rates = LAYER_CLASSES.map((name) => [name, Math.max(config.freezing[name], fixed[name])] as const);
  return { ...config, freezing: Object.fromEntries(rates) as unknown as FreezingRates };
}

/** 1, 2, 4, ... up to `most`. */
export function powersOfTwo(most: number): readonly number[] {
  const sizes: number[] = [];
  for (let size = 1; size <= most; size *= 2) sizes.push(size);
  return sizes;
}
