import {
  type AccuracySample,
  curvesOf,
  hasCode,
  type Measured,
  median,
  ofMethod,
  type Profile,
  typical,
  type UnitTimeSample,
  type UpdateSample,
  validateProfile,
} from "@mpo/core";

/** Devices that must have measured the same thing before the fleet believes it: of five, two may be wrong. */
export const DEFAULT_QUORUM = 5;

/** The name under which a pooled profile goes: it was measured by no device. */
const POOLED_DEVICE = "fleet";

/** A profile of many devices. */
export interface PooledProfile {
  readonly profile: Profile;
  /** How many devices it is of. */
  readonly votes: number;
}

/**
 * One profile from those of many devices of one class, such as a new device of it would have measured. Every device has
 * one vote on each number, whatever it repeated; the median of the votes that are no outliers wins, so that less than half
 * of the devices can not move it far; what fewer than `quorum` devices measured is left out. Only profiles that were
 * measured in the same way count: those of the most common model, versions, method and batch. A profile that was taken from
 * another device has no vote but by its own learning curves. Undefined: too few.
 */
export function poolProfiles(profiles: readonly Profile[], quorum: number = DEFAULT_QUORUM): PooledProfile | undefined {
  const alike = mostCommon(onePerDevice(profiles).filter(hasVote));
  const [first] = alike;
  if (first === undefined || alike.length < quorum) return undefined;
  const measured = alike.filter(({ sharedFrom }) => sharedFrom === undefined);
  const vote = (read: (profile: Profile) => number): number => typical(alike.map(read));
  const pooled: Profile = {
    ...first,
    sharedFrom: undefined,
    device: { id: POOLED_DEVICE, class: first.device.class },
    memoryFacts: {
      slotsPerParameter: vote(({ memoryFacts }) => memoryFacts.slotsPerParameter),
      lossWorkBytesPerSample: vote(({ memoryFacts }) => memoryFacts.lossWorkBytesPerSample),
    },
    idleBytes: vote(({ idleBytes }) => idleBytes),
    unitTimes: pooledUnits(measured, quorum),
    steps: pooledSteps(measured, quorum),
    updates: pooledUpdates(measured, quorum),
    accuracy: pooledAccuracy(alike, quorum),
    others: pooledOthers(alike, quorum),
    spent: { ms: 0, peakBytes: 0, configs: 0 },
    measuredAtMs: Math.round(vote(({ measuredAtMs }) => measuredAtMs)),
  };
  try {
    return { profile: validateProfile(pooled), votes: alike.length };
  } catch (thrown) {
    // Medians of sound profiles may contradict each other where few measured; then there is nothing to believe.
    if (hasCode(thrown, "invalid-data")) return undefined;
    throw thrown;
  }
}

function hasVote(profile: Profile): boolean {
  return profile.sharedFrom === undefined || curvesOf(profile).length > 0;
}

function onePerDevice(profiles: readonly Profile[]): readonly Profile[] {
  const newest = new Map<string, Profile>();
  for (const profile of profiles) {
    const known = newest.get(profile.device.id);
    if (known === undefined || known.measuredAtMs < profile.measuredAtMs) newest.set(profile.device.id, profile);
  }
  return [...newest.values()];
}

function mostCommon(profiles: readonly Profile[]): readonly Profile[] {
  const groups = grouped(profiles, ({ model, device, software, method, effectiveBatch }) =>
    JSON.stringify([model.graphDigest, model.unitCount, device.class, software, method, effectiveBatch]),
  );
  return groups.reduce((best, group) => (group.length > best.length ? group : best), []);
}

function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): readonly (readonly Item[])[] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

/** Samples of the same thing, one of each device at most, where enough devices have one. */
function votes<Sample extends object>(
  profiles: readonly Profile[],
  samplesOf: (profile: Profile) => readonly Sample[],
  keyOf: (sample: Sample) => string,
  quorum: number,
): readonly (readonly [Sample, ...Sample[]])[] {
  const own = profiles.flatMap((profile) => grouped(samplesOf(profile), keyOf).flatMap((samples) => samples.slice(-1)));
  return grouped(own, keyOf).flatMap(([first, ...others]) =>
    first === undefined || 1 + others.length < quorum ? [] : [[first, ...others] as const],
  );
}

function pooledUnits(profiles: readonly Profile[], quorum: number): readonly UnitTimeSample[] {
  const all = votes(
    profiles,
    ({ unitTimes }) => unitTimes,
    ({ unit, microBatch }) => `${unit} ${microBatch}`,
    quorum,
  );
  return all.map((samples) => ({
    unit: samples[0].unit,
    microBatch: samples[0].microBatch,
    forwardMs: [typical(samples.map(({ forwardMs }) => median(forwardMs)))],
    backwardMs: [typical(samples.map(({ backwardMs }) => median(backwardMs)))],
    ...pooledNormOnly(samples, quorum),
  }));
}

function pooledNormOnly(
  samples: readonly UnitTimeSample[],
  quorum: number,
): Pick<UnitTimeSample, "normOnlyBackwardMs"> {
  const measured = samples.flatMap(({ normOnlyBackwardMs }) =>
    normOnlyBackwardMs === undefined ? [] : [median(normOnlyBackwardMs)],
  );
  return measured.length >= quorum ? { normOnlyBackwardMs: [typical(measured)] } : {};
}

function pooledSteps(profiles: readonly Profile[], quorum: number): readonly Measured[] {
  const all = votes(
    profiles,
    ({ steps }) => steps,
    ({ config }) => JSON.stringify(config),
    quorum,
  );
  return all.map((samples) => {
    const measured = samples.flatMap(({ peakBytes }) => (peakBytes === undefined || peakBytes <= 0 ? [] : [peakBytes]));
    return {
      config: samples[0].config,
      plannedBytes: Math.round(typical(samples.map(({ plannedBytes }) => plannedBytes))),
      ...(measured.length >= quorum ? { peakBytes: typical(measured) } : {}),
      stepMs: [typical(samples.map(({ stepMs }) => median(stepMs)))],
    };
  });
}

function pooledUpdates(profiles: readonly Profile[], quorum: number): readonly UpdateSample[] {
  const all = votes(
    profiles,
    ({ updates }) => updates,
    ({ parameterBytes }) => String(parameterBytes),
    quorum,
  );
  return all.map((samples) => {
    const added = samples.flatMap(({ accumulateMs }) => (accumulateMs.length === 0 ? [] : [median(accumulateMs)]));
    return {
      parameterBytes: samples[0].parameterBytes,
      updateMs: [typical(samples.map(({ updateMs }) => median(updateMs)))],
      accumulateMs: added.length >= quorum ? [typical(added)] : [],
    };
  });
}

/** Methods that enough devices have let race beside the one that all of them have. */
function pooledOthers(profiles: readonly Profile[], quorum: number): Profile["others"] {
  const losses = new Set(profiles.flatMap(({ others = [] }) => others.map(({ method }) => method.loss)));
  const pooled = [...losses].flatMap((loss) => {
    const votes = profiles.flatMap((profile) => ofMethod(profile, loss) ?? []);
    const [first] = votes;
    if (first === undefined || votes.length < quorum) return [];
    const { method, memoryFacts } = first;
    return [{ method, memoryFacts, accuracy: pooledAccuracy(votes, quorum) }];
  });
  return pooled.length === 0 ? undefined : pooled;
}

/** Devices start from different accuracies, so they vote on the gain. */
function pooledAccuracy(profiles: readonly Profile[], quorum: number): readonly AccuracySample[] {
  const all = votes(
    profiles,
    ({ accuracy }) => accuracy,
    ({ freezing, microBatch, judge }) => JSON.stringify([freezing, microBatch, judge]),
    quorum,
  );
  return all.flatMap((samples) => {
    const startAccuracy = typical(samples.map((sample) => sample.startAccuracy));
    const gains = samples.flatMap((sample) =>
      sample.points.map(({ steps, accuracy }) => ({ steps, gain: accuracy - sample.startAccuracy })),
    );
    const points = grouped(gains, ({ steps }) => String(steps))
      .filter((group) => group.length >= quorum)
      .map((group) => ({
        steps: group[0]?.steps ?? 1,
        accuracy: Math.min(1, Math.max(0, startAccuracy + typical(group.map(({ gain }) => gain)))),
      }))
      .sort((left, right) => left.steps - right.steps);
    if (points.length === 0) return [];
    const { freezing, microBatch, judge } = samples[0];
    const judgedSamples = Math.min(...samples.map((sample) => sample.judgedSamples));
    return [{ freezing, microBatch, judge, startAccuracy, points, judgedSamples }];
  });
}
