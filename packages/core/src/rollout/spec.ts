import {
  CHECKPOINT_KINDS,
  configSchema,
  type Fact,
  fact,
  MAX_COUNT,
  METHOD_WISHES,
  objectiveSchema,
} from "../facts/index.ts";
import { writtenCondition } from "./condition.ts";
import { atMostOne, bothOrNeither, exactlyOne } from "./spec-rules.ts";
import {
  writtenBytes,
  writtenFilter,
  writtenHours,
  writtenMs,
  writtenQuantity,
  writtenShare,
  writtenUrl,
  writtenZone,
} from "./written-units.ts";

// What `describe` says is shown in editors, and in the guide.

const { flag, name, text, whole, word, written, writtenList } = fact;

/** Waves that a file may name; the last one, with whoever is left, comes in addition. */
export const MAX_WAVES = 32;
const MAX_GATES = 16;

const hours = writtenList(writtenHours, 1, 24);
const share = writtenShare;
/** How long something may take or last. */
const span = writtenMs("1s", "365d");
/** The same, of something that may be left out. */
const pause = writtenMs("0s", "365d");

const ruleSchema = written({
  memory: writtenBytes.optional().describe("Memory of a step above the idle process. Absent: as each device has it."),
  window: writtenMs("1s", "7d").optional().describe("Wall time of a retraining. Absent: as each device has it."),
  reserve: writtenBytes.optional().describe("Memory that is to stay free on the device."),
  hours: hours.optional().describe("When work may begin, by the device's local time."),
  objective: objectiveSchema.optional().describe("What the best configuration is best at."),
  method: word(METHOD_WISHES)
    .optional()
    .describe("Only this method, on devices whose profiles know of it; auto: those that a device says it may run."),
  profileAge: span
    .optional()
    .describe(
      "A device with an older profile is left out. With lateJoiners it is asked to measure again, and joins when it has.",
    ),
});

/** A configuration as a file has it: with no key that is not known. */
const { microBatch, accumulation, freezing } = configSchema.shape;
const { featureExtraction, normalisation, linear, onlyLayers } = freezing.shape;
const writtenConfig = written({
  microBatch: microBatch.describe("Images at once."),
  accumulation: accumulation.describe("Micro-batches of one step."),
  freezing: written({
    featureExtraction: featureExtraction.describe("Of layers that extract features, such as convolutions."),
    normalisation: normalisation.describe("Of normalisation layers."),
    linear: linear.describe("Of linear layers."),
    onlyLayers: onlyLayers.describe("Names of the layers that may train; by default all that the shares let train."),
  }).describe("Shares of the layers of each class that do not train, from 0 to 1, counted from the input side."),
  checkpoints: fact
    .choice(CHECKPOINT_KINDS, written)
    .describe(
      "Activations that are kept, by kind: none (all are), uniform with segments, boundaries with at, or schedule with actions.",
    ),
});

const changeSchema = exactlyOne(
  ["rule", "config", "version"],
  written({
    rule: ruleSchema.optional().describe("A budget. Each device gets the configurations that a search finds for it."),
    config: writtenConfig.optional().describe("One configuration, for every device."),
    version: whole(1, MAX_COUNT).optional().describe("A version of the model that was published."),
  }),
);

/** A part of the devices that is changed before the next is begun. */
export type WaveSpec = Fact<typeof waveSchema>;
const waveSchema = atMostOne(
  ["count", "percent"],
  written({
    where: writtenFilter.optional().describe("Only these devices. Absent: whoever comes next."),
    count: whole(1, MAX_COUNT).optional().describe("So many of them."),
    percent: share
      .optional()
      .describe("So many of them that, with all waves before, this share of all devices has been changed."),
    approval: word(["automatic", "manual"]).default("automatic").describe("manual: a person lets the wave begin."),
    dwell: pause.prefault("0s").describe("How long its devices are watched after the last one is done."),
    success: share.optional().describe("Overrides the rollout's."),
  }),
).superRefine(({ where, count, percent }, { addIssue }) => {
  if (where === undefined && count === undefined && percent === undefined)
    addIssue({ code: "custom", message: "says nothing of its devices; expected where, count or percent" });
});

/** How many devices are changed in a minute. */
export type RateSpec = Fact<typeof rateSchema>;
const rateSchema = bothOrNeither(
  ["factor", "every"],
  written({
    perMinute: whole(1, 100_000).describe("Devices a minute."),
    factor: fact.number(1.1, 5).optional().describe("The rate is multiplied by it, again and again. Absent: it stays."),
    every: whole(1, MAX_COUNT).optional().describe("After so many devices each time."),
  }),
);

/** How many devices may be away from their work at once, for each value of a label. */
export type DisruptionSpec = Fact<typeof disruptionSchema>;
const disruptionSchema = exactlyOne(
  ["maxUnavailable", "minAvailable"],
  written({
    by: name()
      .optional()
      .describe("A label: each of its values has a budget of its own. Absent: all devices together."),
    maxUnavailable: writtenQuantity.optional().describe("Devices, or a share, that may be away at once."),
    minAvailable: writtenQuantity.optional().describe("Devices, or a share, that are to serve well at any time."),
  }),
);

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
const gateSchema = exactlyOne(
  ["metric", "prometheus", "webhook"],
  written({
    name: name().describe("What it is called in tables and events."),
    metric: word(Object.keys(GATE_METRICS) as [GateMetric, ...GateMetric[]])
      .optional()
      .describe("What the coordinator measures of the devices that the wave has changed."),
    prometheus: written({
      address: writtenUrl.describe("Of the Prometheus server."),
      query: text(1, 2_048).describe("A query whose answer is one number."),
    })
      .optional()
      .describe("A number that Prometheus has."),
    webhook: writtenUrl.optional().describe('An address that answers 200 with {"value": NUMBER}.'),
    success: writtenCondition.optional().describe('A measurement that fulfils it is a success: "<= 5%".'),
    failure: writtenCondition.optional().describe("A measurement that fulfils it is a failure."),
    interval: span.prefault("1min").describe("Time between measurements."),
    initialDelay: pause.prefault("0s").describe("Time from the wave's start to the first one."),
    count: whole(1, 10_000).default(1).describe("Measurements after which it is over."),
    failureLimit: whole(0, 10_000).default(0).describe("Failed measurements that are forgiven."),
    inconclusiveLimit: whole(0, 10_000).default(0).describe("Measurements without an answer that are forgiven."),
    consecutiveSuccesses: whole(1, 10_000)
      .optional()
      .describe("Passed as soon as so many succeeded in a row. Absent: all are made."),
    minimumSample: whole(1, MAX_COUNT).default(1).describe("Fewer devices, checks or windows are no answer."),
    dryRun: flag().default(false).describe("It is measured and shown, and decides nothing."),
  }),
).superRefine(({ success, failure, consecutiveSuccesses = 1, count }, { addIssue }) => {
  if (success === undefined && failure === undefined)
    addIssue({ code: "custom", message: "says nothing of what is good; expected success, failure or both" });
  if (consecutiveSuccesses > count) {
    const message = `is ${consecutiveSuccesses}; expected at most the count, ${count}`;
    addIssue({ code: "custom", path: ["consecutiveSuccesses"], message });
  }
});

export const specShape = {
  name: name().describe("What the rollout is called."),
  description: text(1, 256).optional().describe("In a few words, for people."),
  model: name().describe("The model that the devices serve."),
  change: changeSchema.describe("What changes: exactly one of rule, config, version."),
  where: writtenFilter.optional().describe("Which devices, by a filter. Absent: all that serve the model."),
  exclude: writtenList(name(), 0, 1_000).prefault([]).describe("Devices that are left out, by name."),
  seed: text(1, 64)
    .optional()
    .describe("Decides, with their names, the order of devices. Absent: the rollout's name does."),
  waves: writtenList(waveSchema, 0, MAX_WAVES)
    .prefault([])
    .describe("One after the other. Whoever is left makes one more, at the end."),
  lateJoiners: word(["last-wave", "ignore"])
    .default("last-wave")
    .describe(
      "What happens to devices that the filter comes to select after the plan. Of several rollouts, the one that was started last gets them.",
    ),
  control: share.prefault("0%").describe("Share of the devices that stay as they are, to be compared with; up to 50%."),
  confirm: word(["applied", "checked", "window"])
    .default("checked")
    .describe(
      "When a device counts as changed well: it uses its change; ran a short check within its bounds; or a retraining did.",
    ),
  success: share.prefault("95%").describe("Share of the finished devices of a wave that must be confirmed."),
  minimumSample: whole(1, MAX_COUNT)
    .default(20)
    .describe("Finished devices before the share counts. A smaller wave counts when all are."),
  timeouts: written({
    device: span.prefault("1h").describe("Of one device, from the push until it is confirmed."),
    wave: span.optional().describe("Of a wave. Absent: none."),
    offline: pause.prefault("7d").describe("How long devices that are away are waited for when all waves have passed."),
  })
    .prefault({})
    .describe("How long is waited."),
  retries: whole(0, 10).default(0).describe("Times that a device is tried again that failed or timed out."),
  rate: rateSchema
    .optional()
    .describe(
      "How many devices are changed in a minute. Absent: as fast as they answer, 500 at a time; who has not answered within a minute makes room.",
    ),
  hours: written({
    between: hours.describe('Such as ["22:00-06:00"].'),
    zone: writtenZone
      .default("device")
      .describe('device: each by its own time zone. Else a name such as "Europe/Berlin".'),
  })
    .optional()
    .describe("When devices may be changed."),
  disruption: disruptionSchema.optional().describe("How many devices may be away from their work at once."),
  gates: writtenList(gateSchema, 0, MAX_GATES).prefault([]).describe("What each wave has to pass."),
  onFailure: written({
    action: word(["pause", "stop", "roll-back"]).default("roll-back").describe("What to do with a wave that fails."),
    order: word(["newest-first", "oldest-first"]).default("newest-first").describe("Which devices go back first."),
    rate: rateSchema.optional().describe("How many devices a minute. Absent: as fast as they answer, 500 at a time."),
  })
    .prefault({})
    .describe("What happens when a wave fails."),
  hooks: written({
    beforeStart: writtenUrl.optional().describe("Before the first wave."),
    betweenWaves: writtenUrl.optional().describe("Before each other wave."),
    atEnd: writtenUrl.optional().describe("After the last one."),
  })
    .optional()
    .describe("Addresses that are asked, by a POST with the rollout, the wave and its counts, and must answer 200."),
};

/** What a rollout's file says, with defaults filled in. Durations are in milliseconds, sizes in bytes, shares from 0 to 1. */
export type RolloutSpec = Fact<typeof rolloutSpecSchema>;
export const rolloutSpecSchema = written(specShape);

/** What the last wave is like, which a file does not name. */
const REST: WaveSpec = { approval: "automatic", dwell: 0 };

/** The file's words on a wave. */
export function waveOf({ waves }: Pick<RolloutSpec, "waves">, index: number): WaveSpec {
  return waves[index] ?? REST;
}
