import { CONDITION_CODES, type Fact, fact, MAX_COUNT, MAX_UINT32, MESSAGE_LENGTH } from "@mpo/core";

const { consistent, digest, flag, list, name, number, object, shaped, text, timestampMs, whole, word } = fact;

/** Who speaks: names that are safe in NATS subjects and file names. */
export type DeviceIdentity = Fact<typeof deviceIdentity>;
export const deviceIdentity = object({ tenant: name(), device: name() });

/** Starts that an agent remembers: more of them in a row without any answer are not expected. */
export const MAX_EARLIER = 16;

/** Which start of an agent speaks: two that call in turns are two machines under one name. */
export type Instance = Fact<typeof instance>;
export const instance = object({
  /** Made at random at each start. */
  instanceId: name(),
  machineId: name().optional(),
  bootId: name().optional(),
  /** How often an agent was started from this data folder; its copy counts on from there. 0: it could not be written. */
  startCount: whole(0, MAX_COUNT).optional(),
  /** The starts before this one, newest first; absent once an agent was answered. */
  earlierIds: list(name(), 1, MAX_EARLIER).optional(),
});

/** A word that people put on a device to select it later. */
export type Label = Fact<typeof label>;
const label = object({ name: name(), value: text(0, 128) });

export const MAX_LABELS = 32;
/** A device's labels, each name once. */
export const labels = consistent(list(label, 0, MAX_LABELS), (all, refuse) => {
  const names = all.map((one) => one.name);
  const twice = names.findIndex((one, index) => names.indexOf(one) < index);
  if (twice >= 0) refuse([twice, "name"], names[twice], "each name once");
});

/** One accelerator. */
export type Gpu = Fact<typeof gpu>;
const gpu = object({
  name: text(1, 128),
  /** Own memory; 0 when it shares the system's. */
  memoryBytes: whole(),
  sharesMemory: flag(),
});

/** Whether there is one of this name, each machine's own list says. */
const TIME_ZONE = /^[A-Za-z0-9_+-]{1,64}(?:\/[A-Za-z0-9_+-]{1,32}){0,2}$/u;

/** What a device is. Texts are as the system gives them, empty when it gives none. */
export type Inventory = Fact<typeof inventory>;
export const inventory = object({
  deviceClass: name(),
  board: text(0, 128),
  cpuModel: text(0, 128),
  cpuCores: whole(1, 4_096),
  memoryBytes: whole(1),
  swapBytes: whole(),
  gpus: list(gpu, 0, 16),
  os: text(0, 128),
  kernel: text(0, 128),
  architecture: text(1, 32),
  agentVersion: text(1, 64),
  nodeVersion: text(1, 64),
  /** TensorFlow's; absent when the agent has none. */
  engineVersion: text(1, 64).optional(),
  /** What the device's owner allows, as it was written; absent: everything. */
  ownerLimits: text(1, MESSAGE_LENGTH).optional(),
  /** Of its local time, by IANA's name; absent: not known. */
  timeZone: shaped(TIME_ZONE, 'a time zone, such as "Europe/Berlin"').optional(),
});

const percent = number(0, 100).optional();

/** What a device has free at one moment. What it cannot read is absent. */
export type Resources = Fact<typeof resources>;
export const resources = object({
  measuredAtMs: timestampMs(),
  memoryAvailableBytes: whole(),
  memoryLimitBytes: whole(1).optional(),
  diskFreeBytes: whole(),
  loadAverage: number(0, 1e6),
  memoryPressurePercent: percent,
  cpuPressurePercent: percent,
  temperatureCelsius: number(-100, 250).optional(),
  isThrottled: flag(),
});

/** A version of a published model. */
export type ArtifactVersion = Fact<typeof artifactVersion>;
export const artifactVersion = object({ version: whole(1, MAX_UINT32), digest: digest() });

export type ServedModel = Fact<typeof servedModel>;
const servedModel = object({
  name: name(),
  manifestDigest: digest(),
  /** Absent: nobody published it. */
  artifact: artifactVersion.optional(),
});

export const servedModels = list(servedModel, 0, 32);

/** Something wrong with a device that a person should look at; it is gone when it is over. */
export type Condition = Fact<typeof condition>;
const condition = object({
  code: word(CONDITION_CODES),
  sinceMs: timestampMs(),
  message: text(1, MESSAGE_LENGTH),
});

export type Doing = Fact<typeof doing>;
export const doing = object({
  kind: word(["probe", "window", "check"]),
  model: name(),
  /** When it will be over at the latest, by the coordinator's clock as the device knows it. */
  untilMs: timestampMs(),
});

/** What is wrong with a device. */
export const MAX_CONDITIONS = 32;
export const conditions = list(condition, 0, MAX_CONDITIONS);

/** The machine that already runs under this name; absent: none. Who is answered so gets no document. */
export const doubledBy = text(1, MESSAGE_LENGTH).optional();
