import { type PlanCatalogue, type Planner, powersOfTwo, type RetrainConfig, resolveRetrainConfig } from "@mpo/core";
import { createRandom, type Random } from "@mpo/datasets";

export interface DrawOptions {
  /** How many, at most. */
  readonly configs: number;
  /** `b * a` of each. */
  readonly batch: number;
  readonly seed: number;
}

const MANY_SEGMENTS = 8;

/** Seeded configs from all that a search could choose, each once, and none that the profile's steps were measured of. */
export function drawConfigs({ costs, candidates }: Planner, options: DrawOptions): readonly RetrainConfig[] {
  const random = createRandom(options.seed);
  const probed = new Set(costs.profile.steps.map(({ config }) => JSON.stringify(config)));
  const configs = new Map<string, RetrainConfig>();
  for (let tries = 0; configs.size < options.configs && tries < 100 * options.configs; tries++) {
    const config = drawConfig(random, candidates.catalogue, costs.chain.units.length, options.batch);
    const key = JSON.stringify(config);
    if (!probed.has(key)) configs.set(key, config);
  }
  return [...configs.values()];
}

function drawConfig(random: Random, catalogue: PlanCatalogue, units: number, batch: number): RetrainConfig {
  const pick = <Item>(items: readonly Item[]): Item => items[random.integer(items.length)] as Item;
  const sizes = powersOfTwo(batch).filter((size) => batch % size === 0);
  const microBatch = pick(sizes);
  const choice = random.integer(catalogue.choices.length);
  const { rates } = catalogue.choices[choice] as (typeof catalogue.choices)[number];
  const segments = 2 + random.integer(Math.max(1, Math.min(MANY_SEGMENTS, units - 1)));
  const checkpoints = pick<() => RetrainConfig["checkpoints"]>([
    () => ({ kind: "none" }),
    () => ({ kind: "uniform", segments }),
    () => pick(catalogue.placements(choice)).checkpoints,
  ])();
  return resolveRetrainConfig({ microBatch, accumulation: batch / microBatch, freezing: rates, checkpoints });
}
