import {
  type Bounded,
  PROFILE_VERSION,
  type Prediction,
  type Profile,
  type RetrainConfig,
  type UnitAction,
} from "@mpo/core";
import fc from "fast-check";
import type { DesiredDocument, DesiredEnvelope, DocumentVersion } from "../desired-codec.ts";
import type { DeviceIdentity, Inventory, Label, Resources, ServedModel } from "../device-codec.ts";
import { MAX_MS, MAX_WHOLE } from "../limits.ts";
import type { DocumentStatus, ProbeFailure, WindowResult } from "../report-codec.ts";

/** An object with fields that are always there, and fields that may be absent. */
export function shape<Required extends object, Optional extends object = Record<never, never>>(
  required: { readonly [Name in keyof Required]: fc.Arbitrary<Required[Name]> },
  absentable?: { readonly [Name in keyof Optional]: fc.Arbitrary<Optional[Name]> },
): fc.Arbitrary<Required & Partial<Optional>> {
  const options = { requiredKeys: Object.keys(required), noNullPrototype: true } as never;
  return fc.record({ ...required, ...absentable } as never, options) as fc.Arbitrary<Required & Partial<Optional>>;
}

export const names: fc.Arbitrary<string> = fc
  .stringMatching(/^[A-Za-z0-9_-]{1,64}$/u)
  .filter((name) => !(name in {}) && name !== "prototype");

/** Text on one line, in any script. */
export function texts(minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc
    .oneof(fc.string({ minLength, maxLength }), fc.string({ minLength, maxLength, unit: "grapheme" }))
    .filter(
      (text) => text.length >= minLength && text.length <= maxLength && !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text),
    );
}

export const digests: fc.Arbitrary<string> = fc.stringMatching(/^[0-9a-f]{64}$/u);
export const wholes: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 1, max: 2 ** 31 }),
  fc.maxSafeNat().map((n) => Math.max(1, n)),
);
export const times: fc.Arbitrary<number> = fc.integer({ min: 0, max: 8.64e15 });
export const shares: fc.Arbitrary<number> = fc.double({ min: 0, max: 1, noNaN: true });
export const counts: fc.Arbitrary<number> = fc.integer({ min: 1, max: 60_000 });
export const durations: fc.Arbitrary<number> = fc.double({ min: 0, max: MAX_MS, noNaN: true });
const someTime: fc.Arbitrary<number> = fc.double({ min: 1e-6, max: 86_400_000, noNaN: true });
const byteCounts: fc.Arbitrary<number> = fc.double({ min: 0, max: MAX_WHOLE, noNaN: true });

export const identities: fc.Arbitrary<DeviceIdentity> = shape({ tenant: names, device: names });

export const labelLists: fc.Arbitrary<readonly Label[]> = fc.uniqueArray(shape({ name: names, value: texts(0, 128) }), {
  selector: ({ name }) => name,
  maxLength: 5,
});

export const inventories: fc.Arbitrary<Inventory> = shape(
  {
    deviceClass: names,
    board: texts(0, 128),
    cpuModel: texts(0, 128),
    cpuCores: fc.integer({ min: 1, max: 4096 }),
    memoryBytes: wholes,
    swapBytes: fc.maxSafeNat(),
    gpus: fc.array(shape({ name: texts(1, 128), memoryBytes: fc.maxSafeNat(), sharesMemory: fc.boolean() }), {
      maxLength: 3,
    }),
    os: texts(0, 128),
    kernel: texts(0, 128),
    architecture: texts(1, 32),
    agentVersion: texts(1, 64),
    nodeVersion: texts(1, 64),
  },
  { engineVersion: texts(1, 64) },
);

export const resourceSets: fc.Arbitrary<Resources> = shape(
  {
    measuredAtMs: times,
    memoryAvailableBytes: fc.maxSafeNat(),
    diskFreeBytes: fc.maxSafeNat(),
    loadAverage: fc.double({ min: 0, max: 1e6, noNaN: true }),
    isThrottled: fc.boolean(),
  },
  {
    memoryLimitBytes: wholes,
    memoryPressurePercent: fc.double({ min: 0, max: 100, noNaN: true }),
    cpuPressurePercent: fc.double({ min: 0, max: 100, noNaN: true }),
    temperatureCelsius: fc.double({ min: -100, max: 250, noNaN: true }),
  },
);

export const servedModels: fc.Arbitrary<readonly ServedModel[]> = fc.array(shape({ name: names, digest: digests }), {
  maxLength: 3,
});

const unitIndexes = fc.integer({ min: 0, max: 4095 });
const actions: fc.Arbitrary<UnitAction> = fc.oneof(
  shape({ kind: fc.constant("backward" as const), unit: unitIndexes }),
  shape({
    kind: fc.constant("forward" as const),
    unit: unitIndexes,
    keep: fc.constantFrom("all" as const, "input" as const, "nothing" as const),
  }),
);

export const freezings: fc.Arbitrary<RetrainConfig["freezing"]> = shape({
  featureExtraction: shares,
  normalisation: shares,
  linear: shares,
});

export const configs: fc.Arbitrary<RetrainConfig> = shape({
  microBatch: counts,
  accumulation: counts,
  freezing: freezings,
  checkpoints: fc.oneof(
    fc.constant({ kind: "none" as const }),
    shape({ kind: fc.constant("uniform" as const), segments: fc.integer({ min: 1, max: 4096 }) }),
    shape({ kind: fc.constant("boundaries" as const), at: fc.array(unitIndexes, { maxLength: 20 }) }),
    shape({ kind: fc.constant("schedule" as const), actions: fc.array(actions, { maxLength: 40 }) }),
  ),
});

function bounded(values: fc.Arbitrary<number>): fc.Arbitrary<Bounded> {
  return fc.tuple(values, values).map(([a, b]) => ({ expected: Math.min(a, b), upper: Math.max(a, b) }));
}

const stepCounts = fc.integer({ min: 0, max: 1e9 });

export const rungs: fc.Arbitrary<Prediction> = shape({
  config: configs,
  memoryBytes: bounded(byteCounts),
  stepMs: bounded(durations),
  stepsInWindow: stepCounts,
  accuracy: fc.tuple(shares, shares, shares, stepCounts).map(([a, b, c, steps]) => {
    const [lower, expected, upper] = [a, b, c].toSorted((left, right) => left - right) as [number, number, number];
    return { expected, lower, upper, steps };
  }),
  trainingMs: durations,
  unknowns: fc.array(texts(1, 100), { maxLength: 2 }),
});

export const versions: fc.Arbitrary<DocumentVersion> = shape({ epoch: wholes, version: wholes });
export const budgets: fc.Arbitrary<DesiredDocument["budget"]> = shape({
  memoryBytes: wholes,
  windowMs: someTime,
});
export const objectives: fc.Arbitrary<DesiredDocument["objective"]> = fc.constantFrom("accuracy", "memory", "time");
export const reasons: fc.Arbitrary<DesiredDocument["reasons"][number]> = shape({ code: names, text: texts(1, 100) });

export const documents: fc.Arbitrary<DesiredDocument> = fc
  .tuple(
    shape({
      tenant: names,
      device: names,
      deviceClass: names,
      version: versions,
      issuedAtMs: fc.integer({ min: 0, max: 4e12 }),
      model: names,
      modelDigest: digests,
      objective: objectives,
      budget: budgets,
      rungs: fc.array(rungs, { minLength: 1, maxLength: 6 }),
      reasons: fc.array(reasons, { maxLength: 4 }),
    }),
    fc.nat(),
    fc.integer({ min: 1, max: 1e9 }),
  )
  .map(([document, pick, lifeMs]) => ({
    ...document,
    rungs: document.rungs.toSorted((left, right) => left.memoryBytes.upper - right.memoryBytes.upper),
    expiresAtMs: document.issuedAtMs + lifeMs,
    chosenRung: pick % document.rungs.length,
  }));

export const envelopes: fc.Arbitrary<DesiredEnvelope> = shape({
  document: fc.uint8Array({ minLength: 1, maxLength: 200 }),
  signatures: fc.array(shape({ key: names, signature: fc.uint8Array({ minLength: 64, maxLength: 64 }) }), {
    maxLength: 3,
  }),
});

const repeats = fc.array(durations, { minLength: 1, maxLength: 4 });
const judges = fc.constantFrom("labels" as const, "label-free" as const);
const UNIT_COUNT = 50;

const accuracySamples: fc.Arbitrary<Profile["accuracy"][number]> = shape({
  freezing: freezings,
  microBatch: counts,
  judge: judges,
  startAccuracy: shares,
  points: fc
    .uniqueArray(fc.integer({ min: 1, max: 1e9 }), { maxLength: 6 })
    .chain((steps) =>
      fc.tuple(...steps.toSorted((a, b) => a - b).map((step) => shape({ steps: fc.constant(step), accuracy: shares }))),
    ),
  judgedSamples: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
});

export const profiles: fc.Arbitrary<Profile> = shape({
  version: fc.constant(PROFILE_VERSION),
  model: shape({
    name: names,
    digest: digests,
    unitCount: fc.constant(UNIT_COUNT),
    parameterCount: wholes,
    hasBatchStatistics: fc.boolean(),
  }),
  device: shape({ id: names, class: names }),
  software: shape({ engine: texts(1, 64), library: texts(1, 64) }),
  method: shape({ loss: names, optimizer: names }),
  memoryFacts: shape({
    slotsPerParameter: fc.double({ min: 0, max: 64, noNaN: true }),
    lossWorkBytesPerSample: byteCounts,
  }),
  effectiveBatch: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  idleBytes: byteCounts,
  // Each unit at one micro-batch: of two, the larger must not be much faster.
  unitTimes: fc.uniqueArray(
    shape(
      {
        unit: fc.integer({ min: 0, max: UNIT_COUNT - 1 }),
        microBatch: counts,
        forwardMs: repeats,
        backwardMs: repeats,
      },
      { normOnlyBackwardMs: repeats },
    ),
    { selector: ({ unit }) => unit, maxLength: 5 },
  ),
  steps: fc.array(
    shape({ config: configs, plannedPeakBytes: wholes, msPerStep: repeats }, { measuredPeakBytes: byteCounts }),
    { maxLength: 4 },
  ),
  updates: fc.array(
    shape({ parameterBytes: wholes, updateMs: repeats, accumulateMs: fc.array(durations, { maxLength: 3 }) }),
    { maxLength: 3 },
  ),
  accuracy: fc.array(accuracySamples, { maxLength: 3 }),
  spent: shape(
    { ms: durations, peakBytes: byteCounts, configs: fc.integer({ min: 0, max: 4096 }) },
    { othersCpuShare: fc.double({ min: 0, max: 1, noNaN: true }) },
  ),
  measuredAtMs: times,
});

export const documentStatuses: fc.Arbitrary<DocumentStatus> = shape(
  {
    version: versions,
    state: fc.constantFrom(
      "accepted" as const,
      "applied" as const,
      "confirmed" as const,
      "failed" as const,
      "refused" as const,
    ),
    message: texts(0, 512),
  },
  { rung: fc.integer({ min: 0, max: 63 }) },
);

export const windowResults: fc.Arbitrary<WindowResult> = shape(
  {
    window: names,
    model: names,
    openedAtMs: times,
    rung: rungs,
    outcome: fc.constantFrom(
      "replaced" as const,
      "kept-old" as const,
      "over-memory" as const,
      "out-of-time" as const,
      "failed" as const,
      "cancelled" as const,
    ),
    durationMs: durations,
    steps: fc.integer({ min: 0, max: 1e9 }),
    message: texts(0, 512),
  },
  {
    peakBytes: fc.maxSafeNat(),
    stepMs: durations,
    judgement: fc.constantFrom("labels" as const, "label-free" as const),
    accuracyBefore: shares,
    accuracyAfter: shares,
  },
);

export const probeFailures: fc.Arbitrary<ProbeFailure> = shape({
  model: names,
  failedAtMs: times,
  failures: fc.integer({ min: 1, max: 1e9 }),
  retryAtMs: times,
  message: texts(0, 512),
});
