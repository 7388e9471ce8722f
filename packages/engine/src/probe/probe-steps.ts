import {
  type Chain,
  type Checkpoints,
  type FreezingRates,
  hasChoice,
  powersOfTwo,
  type RetrainConfig,
  resolveRetrainConfig,
  uniformFreezing,
  withPrescribedRates,
} from "@mpo/core";
import { createRandom, type Random } from "@mpo/datasets";

export interface ProbeStepOptions {
  readonly effectiveBatch: number;
  /** The method, by its loss: some layers it never trains. */
  readonly loss: string;
  readonly seed: number;
}

/**
 * Configs that differ in nothing but the micro-batch: one program runs them all. Memory is measured of the first, time of
 * all.
 */
export interface StepGroup {
  readonly first: RetrainConfig;
  readonly others: readonly RetrainConfig[];
}

const MANY_SEGMENTS = 8;
const RANDOM_GROUPS = 32;
/** More micro-batches than this show nothing that this many do not. */
const ACCUMULATION = 2;

/** A group before it is written out: micro-batches, the first first, and what they have in common. */
interface Draft {
  readonly microBatches: readonly number[];
  readonly isAccumulated: boolean;
  readonly freezing?: FreezingRates;
  readonly checkpoints?: Checkpoints;
}

/**
 * Steps that are worth measuring, most valuable first: the corners of the space (large and small micro-batches, with and
 * without recomputing, freezing and accumulation), then seeded draws from all of it. Steps are cheap: two micro-batches
 * show what accumulation costs.
 */
export function probeSteps(chain: Chain, options: ProbeStepOptions): readonly StepGroup[] {
  const batch = options.effectiveBatch;
  const part = (share: number): number => Math.max(1, Math.floor(batch / share));
  const segments = Math.max(2, Math.round(Math.sqrt(chain.units.length)));
  const uniform: Checkpoints = { kind: "uniform", segments };
  const tiny = Math.min(2, batch);
  // As a search freezes: a lone classifier always trains. Steps without it measure what no step will be.
  const frozen = (rate: number): FreezingRates => ({
    ...uniformFreezing(rate),
    ...(hasChoice(chain, "linear") ? {} : { linear: 0 }),
  });
  const corners: readonly Draft[] = [
    { microBatches: [part(4), part(32)], isAccumulated: true },
    // A tiny micro-batch: most of a step's memory and time is overhead.
    { microBatches: [tiny, part(16), part(2)], isAccumulated: true, freezing: frozen(0.5) },
    { microBatches: [part(2), part(8), part(64)], isAccumulated: false, checkpoints: uniform },
    { microBatches: [batch, part(4), part(16)], isAccumulated: false },
    {
      microBatches: [part(64), part(8)],
      isAccumulated: true,
      checkpoints: uniform,
      freezing: frozen(0.3),
    },
    { microBatches: [part(2), part(64)], isAccumulated: true, freezing: frozen(0.7) },
  ];
  const random = createRandom(options.seed);
  const drawn = Array.from({ length: RANDOM_GROUPS }, () => drawGroup(random, chain, batch));
  const seen = new Set<string>();
  return [...corners, ...drawn].flatMap((draft): readonly StepGroup[] => {
    const configs = configsOf(draft, options.loss).filter((config) => {
      const key = JSON.stringify(config);
      const isNew = !seen.has(key);
      seen.add(key);
      return isNew;
    });
    const [first, ...others] = configs;
    return first === undefined ? [] : [{ first, others }];
  });
}

function configsOf({ microBatches, isAccumulated, ...common }: Draft, loss: string): readonly RetrainConfig[] {
  const accumulation = isAccumulated ? ACCUMULATION : 1;
  return [...new Set(microBatches)].map((microBatch) =>
    withPrescribedRates(resolveRetrainConfig({ ...common, microBatch, accumulation }), loss),
  );
}

/** Two micro-batches of one config from the whole space. */
function drawGroup(random: Random, chain: Chain, batch: number): Draft {
  const pick = <Item>(items: readonly Item[]): Item => items[random.integer(items.length)]!;
  const sizes = powersOfTwo(batch);
  const rate = (): number => random.integer(10) / 10;
  const units = chain.units.length;
  const starts = Array.from({ length: 1 + random.integer(Math.min(MANY_SEGMENTS, units)) }, () =>
    random.integer(units),
  );
  const at = [...new Set(starts)].sort((left, right) => left - right);
  return {
    microBatches: [pick(sizes), pick(sizes)],
    isAccumulated: pick([false, true]),
    freezing: { featureExtraction: rate(), normalisation: rate(), linear: 0 },
    checkpoints: pick<Checkpoints>([{ kind: "none" }, { kind: "boundaries", at }]),
  };
}
