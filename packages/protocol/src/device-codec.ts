import { list, type MessageField, message, optional, orEmpty, refined } from "./composed-fields.ts";
import { type Field, refuse } from "./field.ts";
import { bytes, digest, flag, integer, name, number, text, timestampMs, whole } from "./fields.ts";
import type { DeviceIdentity__Output } from "./gen/mpo/v1/DeviceIdentity.ts";
import type { Gpu__Output } from "./gen/mpo/v1/Gpu.ts";
import type { Inventory__Output } from "./gen/mpo/v1/Inventory.ts";
import type { Label__Output } from "./gen/mpo/v1/Label.ts";
import type { Resources__Output } from "./gen/mpo/v1/Resources.ts";
import type { ServedModel__Output } from "./gen/mpo/v1/ServedModel.ts";

/** Who speaks: names that are safe in NATS subjects and file names. */
export interface DeviceIdentity {
  readonly tenant: string;
  readonly device: string;
}

/** A word that people put on a device to select it later. */
export interface Label {
  readonly name: string;
  readonly value: string;
}

/** One accelerator. */
export interface Gpu {
  readonly name: string;
  /** Own memory; 0 when it shares the system's. */
  readonly memoryBytes: number;
  readonly sharesMemory: boolean;
}

/** What a device is. Texts are as the system gives them, empty when it gives none. */
export interface Inventory {
  readonly deviceClass: string;
  readonly board: string;
  readonly cpuModel: string;
  readonly cpuCores: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  readonly gpus: readonly Gpu[];
  readonly os: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly agentVersion: string;
  readonly nodeVersion: string;
  /** TensorFlow's; absent when the agent has none. */
  readonly engineVersion?: string;
}

/** What a device has free at one moment. What it cannot read is absent. */
export interface Resources {
  readonly measuredAtMs: number;
  readonly memoryAvailableBytes: number;
  readonly memoryLimitBytes?: number;
  readonly diskFreeBytes: number;
  readonly loadAverage: number;
  readonly memoryPressurePercent?: number;
  readonly cpuPressurePercent?: number;
  readonly temperatureCelsius?: number;
  readonly isThrottled: boolean;
}

/** A model that a device serves; the digest is that of its manifest. */
export interface ServedModel {
  readonly name: string;
  readonly digest: string;
}

const percent = number({ min: 0, max: 100 });

export const deviceIdentity: MessageField<DeviceIdentity> = message<DeviceIdentity, DeviceIdentity__Output>(
  "DeviceIdentity",
  { tenant: name(), device: name() },
);

const label: MessageField<Label> = message<Label, Label__Output>("Label", { name: name(), value: text({ max: 128 }) });

/** At most 32 labels, each name once. */
export const labels: Field<readonly Label[]> = refined(list(label, { max: 32 }), (all, path) => {
  const names = all.map((one) => one.name);
  const twice = names.findIndex((one, index) => names.indexOf(one) < index);
  if (twice >= 0) refuse(`${path}[${twice}].name`, names[twice], "each name once");
});

const gpu: MessageField<Gpu> = message<Gpu, Gpu__Output>("Gpu", {
  name: text({ min: 1, max: 128 }),
  memoryBytes: whole(),
  sharesMemory: flag(),
});

export const inventory: MessageField<Inventory> = message<Inventory, Inventory__Output>("Inventory", {
  deviceClass: name(),
  board: text({ max: 128 }),
  cpuModel: text({ max: 128 }),
  cpuCores: integer({ min: 1, max: 4096 }),
  memoryBytes: whole({ min: 1 }),
  swapBytes: whole(),
  gpus: list(gpu, { max: 16 }),
  os: text({ max: 128 }),
  kernel: text({ max: 128 }),
  architecture: text({ min: 1, max: 32 }),
  agentVersion: text({ min: 1, max: 64 }),
  nodeVersion: text({ min: 1, max: 64 }),
  engineVersion: orEmpty(text({ max: 64 })),
});

export const resources: MessageField<Resources> = message<Resources, Resources__Output>("Resources", {
  measuredAtMs: timestampMs(),
  memoryAvailableBytes: whole(),
  memoryLimitBytes: optional(whole({ min: 1 })),
  diskFreeBytes: whole(),
  loadAverage: number({ min: 0, max: 1e6 }),
  memoryPressurePercent: optional(percent),
  cpuPressurePercent: optional(percent),
  temperatureCelsius: optional(number({ min: -100, max: 250 })),
  isThrottled: flag(),
});

export const servedModel: MessageField<ServedModel> = message<ServedModel, ServedModel__Output>("ServedModel", {
  name: name(),
  digest: digest(),
});

/** An Ed25519 public key. */
export const publicKey: Field<Uint8Array> = bytes({ min: 32, max: 32 });
