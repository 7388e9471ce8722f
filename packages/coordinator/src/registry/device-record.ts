import { type Fact, fact, given } from "@mpo/core";
import { compareVersions, type DocumentVersion, type HelloRequest, schemas } from "@mpo/protocol";
import { type RecordForm, recordForm } from "../store/records.ts";
import { type Instances, instancesSchema } from "./instances.ts";

const { list, name, object, timestampMs } = fact;
const { conditions, deviceIdentity, documentVersion, doing, inventory, labels, resources, servedModels } = schemas;

/** More than that were long ago. */
const MAX_FORMER_NAMES = 16;
const formerNames = list(object({ device: name(), untilMs: timestampMs() }), 0, MAX_FORMER_NAMES).optional();

const deviceSchema = object({
  identity: deviceIdentity,
  inventory,
  labels,
  models: servedModels,
  /** Methods of adaptation that it may run, by name; absent: its release does not say. */
  methods: list(name(), 1, 16).optional(),
  /** Who speaks for it. */
  instances: instancesSchema.optional(),
  /** When it became part of the fleet, by the coordinator's clock. */
  enrolledAtMs: timestampMs(),
  /** The newest document that it has ever reported: new ones must be newer. */
  versionFloor: documentVersion.optional(),
  /** When it was taken out of the fleet, by the coordinator's clock; absent: it is part of it. */
  retiredAtMs: timestampMs().optional(),
  /** When a person asked for all that it reports; absent: no one did, or it was answered. */
  refreshAskedAtMs: timestampMs().optional(),
  /** Models that a person wants measured again, and since when. */
  probesAsked: list(object({ model: name(), askedAtMs: timestampMs() }), 0, 32).optional(),
  /** What it was called before, and until when: its events of then have these names. Newest first. */
  formerNames,
});

/** What a device is, as it reported. Changes rarely. */
export type DeviceRecord = Fact<typeof deviceSchema>;
export const deviceForm: RecordForm<DeviceRecord> = recordForm("device", deviceSchema);

const seenSchema = object({
  resources,
  /** By the coordinator's clock. */
  lastSeenMs: timestampMs(),
  appliedVersion: documentVersion.optional(),
  conditions: conditions.optional(),
  doing: doing.optional(),
});

/** What a device had free when it was last heard of. Changes with every heartbeat. */
export type SeenRecord = Fact<typeof seenSchema>;
export const seenForm: RecordForm<SeenRecord> = recordForm("last-seen", seenSchema);

/** What a device says of itself when it enrols or says hello. */
export type DeviceFacts = Pick<HelloRequest, "identity" | "inventory" | "labels" | "instance"> &
  Partial<Pick<HelloRequest, "models" | "methods" | "versionFloor">>;

/**
 * The record after a device said what it is; the same object when nothing changed. A floor never sinks, and a hello ends
 * a retirement.
 */
export function withFacts(record: DeviceRecord | undefined, facts: DeviceFacts, nowMs: number): DeviceRecord {
  const versionFloor = newer(record?.versionFloor, facts.versionFloor);
  const next: DeviceRecord = {
    identity: facts.identity,
    inventory: facts.inventory,
    labels: facts.labels,
    models: facts.models ?? record?.models ?? [],
    // A hello says its models, and is then to be believed about its methods too: an agent may go back to an older release.
    ...given({ methods: facts.models === undefined ? record?.methods : facts.methods }),
    enrolledAtMs: record?.enrolledAtMs ?? nowMs,
    ...(versionFloor === undefined ? {} : { versionFloor }),
    ...given({
      instances: record?.instances ?? firstOf(facts, nowMs),
      refreshAskedAtMs: record?.refreshAskedAtMs,
      probesAsked: record?.probesAsked,
      formerNames: record?.formerNames,
    }),
  };
  return record !== undefined && JSON.stringify(record) === JSON.stringify(next) ? record : next;
}

function firstOf({ instance }: DeviceFacts, nowMs: number): Instances | undefined {
  return instance === undefined ? undefined : { accepted: { instance, lastSeenMs: nowMs } };
}

/** The newer of two versions; undefined: neither is there. */
export function newer(
  left: DocumentVersion | undefined,
  right: DocumentVersion | undefined,
): DocumentVersion | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return compareVersions(left, right) >= 0 ? left : right;
}

export function withName(record: DeviceRecord, identity: DeviceRecord["identity"], nowMs: number): DeviceRecord {
  const { identity: before, formerNames = [] } = record;
  const names = [{ device: before.device, untilMs: nowMs }, ...formerNames].slice(0, MAX_FORMER_NAMES);
  return { ...record, identity, formerNames: names };
}

/** A device that has enrolled and not yet said what it has free. */
export function neverSeen(enrolledAtMs: number): SeenRecord {
  return {
    resources: {
      measuredAtMs: enrolledAtMs,
      memoryAvailableBytes: 0,
      diskFreeBytes: 0,
      loadAverage: 0,
      isThrottled: false,
    },
    lastSeenMs: enrolledAtMs,
  };
}

/** The record after a person asked for models to be measured again. Models that it serves no more are forgotten. */
export function withProbesAsked(record: DeviceRecord, models: readonly string[], askedAtMs: number): DeviceRecord {
  const others = (record.probesAsked ?? []).filter(
    ({ model }) => !models.includes(model) && record.models.some(({ name }) => name === model),
  );
  return { ...record, probesAsked: [...others, ...models.map((model) => ({ model, askedAtMs }))] };
}
