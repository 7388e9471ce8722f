import * as z from "zod";
import {
  configSchema,
  type Fact,
  type Fault,
  fact,
  faultsIn,
  MAX_COUNT,
  MpoError,
  objectiveSchema,
} from "../facts/index.ts";
import { METHOD_NAMES } from "../plan/index.ts";
import { MAX_FILTER_LENGTH } from "../selection/index.ts";
import { writtenCondition } from "./condition.ts";
import { writtenBytes, writtenHours, writtenMs, writtenQuantity, writtenShare } from "./written-units.ts";

const { name, text, whole, word, written } = fact;

/** Waves that a file may name; the last one, with whoever is left, comes in addition. */
export const MAX_WAVES = 32;
const MAX_GATES = 16;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Devices by the filter language of `selection`. It is parsed where devices are known. */
const filter = text(1, MAX_FILTER_LENGTH);
const url = text(8, 512);
const hours = z.array(writtenHours).min(1).max(24);
const share = writtenShare;

/** What a device may spend under a rule. What is absent is as the coordinator has it for each device. */
const ruleSchema = written({
  /** Of a step, above the idle process. */
  memory: writtenBytes.optional(),
  /** Wall time of a retraining. */
  window: writtenMs.optional(),
  /** What is to stay free on the device. */
  reserve: writtenBytes.optional(),
  /** When work may begin, by the device's local time. */
  hours: hours.optional(),
  objective: objectiveSchema.optional(),
  /** Only profiles that were measured by this method. */
  method: word(METHOD_NAMES).optional(),
  /** A device with an older profile is to measure again first. */
  profileAge: writtenMs.optional(),
});

/** What a rollout changes: exactly one of them. */
const changeSchema = written({
  /** Each device gets the ladder that a search finds for it. */
  rule: ruleSchema.optional(),
  /** Every device gets this configuration. */
  config: configSchema.optional(),
  /** Every device gets this version of the model. */
  version: whole(1, MAX_COUNT).optional(),
});

/** A part of the devices that is changed before the next is begun. */
export type WaveSpec = Fact<typeof waveSchema>;
const waveSchema = written({
  /** Only these; absent: whoever comes next. */
  where: filter.optional(),
  /** So many of them. */
  count: whole(1, MAX_COUNT).optional(),
  /** So many that, with all waves before, this share of all devices has been changed. */
  percent: share.optional(),
  approval: word(["automatic", "manual"]).default("automatic"),
  /** How long its devices are watched after the last one is done. */
  dwell: writtenMs.default(0),
  /** Overrides the rollout's. */
  success: share.optional(),
});

/** How many devices are changed in a minute. */
export type RateSpec = Fact<typeof rateSchema>;
const rateSchema = written({
  perMinute: whole(1, 100_000),
  /** After `every` devices the rate is multiplied by this; absent: it stays. */
  factor: fact.number(1.1, 5).optional(),
  every: whole(1, MAX_COUNT).optional(),
});

/** How many devices may be away from their work at once, for each value of a label. */
export type DisruptionSpec = Fact<typeof disruptionSchema>;
const disruptionSchema = written({
  /** Name of the label; absent: all devices together. */
  by: name().optional(),
  maxUnavailable: writtenQuantity.optional(),
  minAvailable: writtenQuantity.optional(),
});

/** What the coordinator measures of the devices that a wave has changed. */
export const GATE_METRICS = {
  "memory-over-bound": "share of checks and windows that took more memory than their bound",
  "memory-error": "mean error of predicted memory, as a share of what was measured",
  "time-over-bound": "share of checks and windows whose steps took longer than their bound",
  "time-error": "mean error of predicted step time, as a share of what was measured",
  "accuracy-gain": "mean accuracy after windows, less that before",
  "accuracy-drop": "share of windows after which accuracy was judged lower",
  "gain-over-control": "mean gain of the changed devices, less that of the control group",
  "windows-cancelled": "share of windows that were cancelled",
  "windows-failed": "share of windows that hit their memory limit, ran out of time or failed",
  "documents-refused": "share of devices that refused the document",
  drift: "share of devices whose inputs have drifted since they were changed",
} as const;
export type GateMetric = keyof typeof GATE_METRICS;

/** A judgement that a wave has to pass (fields as in the analysis of Argo Rollouts). */
export type GateSpec = Fact<typeof gateSchema>;
const gateSchema = written({
  name: name(),
  /** What is measured: exactly one of these three. */
  metric: word(Object.keys(GATE_METRICS) as [GateMetric, ...GateMetric[]]).optional(),
  /** A query whose answer is one number. */
  prometheus: written({ address: url, query: text(1, 2_048) }).optional(),
  /** Answers 200 with {"value": NUMBER}. */
  webhook: url.optional(),
  success: writtenCondition.optional(),
  failure: writtenCondition.optional(),
  interval: writtenMs.default(MINUTE_MS),
  initialDelay: writtenMs.default(0),
  /** Measurements after which it is over. */
  count: whole(1, 10_000).default(1),
  /** Failed measurements that are forgiven. */
  failureLimit: whole(0, 10_000).default(0),
  /** Measurements without an answer that are forgiven. */
  inconclusiveLimit: whole(0, 10_000).default(0),
  /** Passed as soon as so many succeeded in a row; absent: all are made. */
  consecutiveSuccesses: whole(1, 10_000).optional(),
  /** Fewer than so many devices, checks or windows are no answer. */
  minimumSample: whole(1, MAX_COUNT).default(1),
  /** It is measured and shown, and decides nothing. */
  dryRun: z.boolean().default(false),
});

/** What to do with a wave that fails. */
export const FAILURE_ACTIONS = ["pause", "stop", "roll-back"] as const;

const specShape = {
  name: name(),
  description: text(1, 256).optional(),
  model: name(),
  change: changeSchema,
  /** Which devices; absent: all that serve the model. */
  where: filter.optional(),
  exclude: z.array(name()).max(1_000).default([]),
  /** Decides the order of devices, with their names; absent: the name of the rollout does. */
  seed: text(1, 64).optional(),
  waves: z.array(waveSchema).max(MAX_WAVES).default([]),
  /** What happens to devices that come to be selected after the plan. */
  lateJoiners: word(["last-wave", "ignore"]).default("last-wave"),
  /** Share of the devices that stay as they are, to be compared with. */
  control: share.default(0),
  /** When a device counts as changed well: it uses it; ran a short check within its bounds; or a real window did. */
  confirm: word(["applied", "checked", "window"]).default("checked"),
  /** Share of the finished devices of a wave that must be confirmed. */
  success: share.default(0.95),
  /** Finished devices before the share counts; a smaller wave counts when all are. */
  minimumSample: whole(1, MAX_COUNT).default(20),
  timeouts: written({
    /** Of one device, from the push until it is confirmed. */
    device: writtenMs.default(HOUR_MS),
    /** Of a wave; absent: none. */
    wave: writtenMs.optional(),
    /** How long devices that are away are waited for when all waves have passed. */
    offline: writtenMs.default(7 * 24 * HOUR_MS),
  }).prefault({}),
  /** Times that a device is tried again that failed or timed out. */
  retries: whole(0, 10).default(0),
  rate: rateSchema.optional(),
  /** When devices may be changed. */
  hours: written({
    between: hours,
    /** "device": each by its own; else a name such as "Europe/Berlin". */
    zone: text(1, 64).default("device"),
  }).optional(),
  disruption: disruptionSchema.optional(),
  gates: z.array(gateSchema).max(MAX_GATES).default([]),
  onFailure: written({
    action: word(FAILURE_ACTIONS).default("roll-back"),
    order: word(["newest-first", "oldest-first"]).default("newest-first"),
    rate: rateSchema.optional(),
  }).prefault({}),
  /** Addresses that are asked, and must answer 200: POST with the rollout, the wave and its counts. */
  hooks: written({ beforeStart: url.optional(), betweenWaves: url.optional(), atEnd: url.optional() }).optional(),
};

/** What a rollout's file says, with defaults filled in. Durations are in milliseconds, sizes in bytes, shares from 0 to 1. */
export type RolloutSpec = Fact<typeof rolloutSpecSchema>;
export const rolloutSpecSchema = fact.consistent(written(specShape), (spec, refuse) => {
  const { change, waves, gates, disruption, rate, onFailure } = spec;
  const changes = Object.keys(change).filter((key) => change[key as keyof typeof change] !== undefined);
  if (changes.length !== 1) refuse(["change"], changes, "exactly one of rule, config, version");
  let before = 0;
  for (const [index, { where, count, percent }] of waves.entries()) {
    if (where === undefined && count === undefined && percent === undefined)
      refuse(["waves", index], {}, "where, count or percent");
    if (count !== undefined && percent !== undefined)
      refuse(["waves", index, "percent"], percent, "count or percent, not both");
    if (percent !== undefined && percent <= before)
      refuse(
        ["waves", index, "percent"],
        `${percent * 100}%`,
        `more than the ${before * 100}% of the waves before: it counts all devices so far`,
      );
    before = percent ?? before;
  }
  for (const [index, gate] of gates.entries()) {
    const sources = [gate.metric, gate.prometheus, gate.webhook].filter((source) => source !== undefined);
    if (sources.length !== 1) refuse(["gates", index], sources, "exactly one of metric, prometheus, webhook");
    if (gate.success === undefined && gate.failure === undefined)
      refuse(["gates", index], {}, "success, failure or both");
    if (gates.findIndex((one) => one.name === gate.name) < index)
      refuse(["gates", index, "name"], gate.name, "a name that no gate before it has");
    if (gate.metric === "gain-over-control" && spec.control === 0)
      refuse(["gates", index, "metric"], gate.metric, "another one, or a control group");
    if ((gate.consecutiveSuccesses ?? 1) > gate.count)
      refuse(["gates", index, "consecutiveSuccesses"], gate.consecutiveSuccesses, `at most the count, ${gate.count}`);
  }
  if (spec.control > 0.5) refuse(["control"], `${spec.control * 100}%`, "at most 50%");
  if (spec.success === 0) refuse(["success"], "0%", "more than 0%");
  if (disruption !== undefined && (disruption.maxUnavailable === undefined) === (disruption.minAvailable === undefined))
    refuse(["disruption"], {}, "exactly one of maxUnavailable, minAvailable");
  for (const [path, one] of [
    [["rate"], rate],
    [["onFailure", "rate"], onFailure.rate],
  ] as const)
    if (one !== undefined && (one.factor === undefined) !== (one.every === undefined))
      refuse(path, {}, "factor and every, or neither");
});

/** What the last wave is like, which a file does not name. */
const REST: WaveSpec = { approval: "automatic", dwell: 0 };

/** The file's words on a wave. */
export function waveOf({ waves }: Pick<RolloutSpec, "waves">, index: number): WaveSpec {
  return waves[index] ?? REST;
}

/** Reads a rollout's file. Throws `invalid-argument` with all that is wrong with it. */
export function parseRolloutSpec(value: unknown): RolloutSpec {
  const faults = rolloutFaults(value);
  if (faults.length === 0) return rolloutSpecSchema.parse(value) as RolloutSpec;
  const words = faults.map(({ path, message }) => `${path.length === 0 ? "the rollout" : path.join(".")} ${message}`);
  throw new MpoError("invalid-argument", words.join("; "));
}

/** All that is wrong with a rollout's file, and where; empty: nothing is. */
export function rolloutFaults(value: unknown): readonly Fault[] {
  return faultsIn(rolloutSpecSchema, value);
}

/** The JSON schema of a rollout's file, for editors. */
export function rolloutJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(rolloutSpecSchema, { io: "input", unrepresentable: "any" });
}
