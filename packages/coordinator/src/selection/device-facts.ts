import { formatVersion, type SelectionFacts } from "@mpo/core";
import { versionName } from "@mpo/protocol";
import { DeviceNow, type NowParts } from "../registry/device-now.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { StatusService } from "../registry/status-service.ts";

export interface FactParts extends NowParts {
  readonly statuses: Pick<StatusService, "newest" | "drifted">;
}

/** A device as filters see it. Of what a system did not say, empty texts, nothing is known. */
export function factsOf(parts: FactParts, record: DeviceRecord): SelectionFacts {
  return new DeviceFacts(parts, record);
}

class DeviceFacts implements SelectionFacts {
  readonly #parts: FactParts;
  readonly #record: DeviceRecord;
  readonly #now: DeviceNow;

  constructor(parts: FactParts, record: DeviceRecord) {
    this.#parts = parts;
    this.#record = record;
    this.#now = new DeviceNow(parts, record);
  }

  get name() {
    return this.#record.identity.device;
  }
  get class() {
    return this.#record.inventory.deviceClass;
  }
  get board() {
    return known(this.#record.inventory.board);
  }
  get cpu() {
    return known(this.#record.inventory.cpuModel);
  }
  get architecture() {
    return this.#record.inventory.architecture;
  }
  get os() {
    return known(this.#record.inventory.os);
  }
  get memory() {
    const { memoryLimitBytes = Number.POSITIVE_INFINITY } = this.#resources ?? {};
    return Math.min(this.#record.inventory.memoryBytes, memoryLimitBytes);
  }
  get free() {
    return this.#resources?.memoryAvailableBytes;
  }
  get disk() {
    return this.#resources?.diskFreeBytes;
  }
  get cores() {
    return this.#record.inventory.cpuCores;
  }
  get gpu() {
    return this.#record.inventory.gpus.map((gpu) => gpu.name);
  }
  get agent() {
    return this.#record.inventory.agentVersion;
  }
  get engine() {
    return this.#record.inventory.engineVersion;
  }
  get node() {
    return this.#record.inventory.nodeVersion;
  }
  get models() {
    return this.#record.models.flatMap(({ name, artifact }) =>
      artifact === undefined ? [name] : [name, versionName({ name, version: artifact.version })],
    );
  }
  get drift() {
    return this.#parts.statuses.drifted(this.#record.identity);
  }
  get config() {
    const version = this.#now.desired?.version;
    return version && formatVersion(version);
  }
  get state() {
    if (this.#record.retiredAtMs !== undefined) return "retired";
    return this.#now.isOnline ? "online" : "offline";
  }
  get lastSeen() {
    return this.#parts.presenceMs() - this.#now.seen.lastSeenMs;
  }
  get enrolled() {
    return this.#parts.presenceMs() - this.#record.enrolledAtMs;
  }
  get needs() {
    return this.#now.conditions.map(({ code }) => code);
  }

  /** Undefined: it has never said. */
  get #resources() {
    return this.#parts.registry.seen(this.#record.identity)?.resources;
  }

  label(name: string) {
    return this.#record.labels.find((one) => one.name === name)?.value;
  }
}

function known(text: string): string | undefined {
  return text === "" ? undefined : text;
}
