import type { Clock } from "@mpo/io";
import type { Instance } from "@mpo/protocol";
import type { Logger, Tracing } from "@mpo/runtime";
import type { VerifyEnvelope } from "../config/document-check.ts";
import type { TrustedTime } from "../config/trusted-time.ts";
import type { AgentEngine } from "../ports/agent-engine.ts";
import type { DeviceMonitor } from "../ports/device-monitor.ts";
import type { Disk } from "../ports/disk.ts";
import type { ArtifactLink, ConnectFeed, FleetLink } from "../ports/fleet-link.ts";
import type { LimitsFile } from "../ports/limits-file.ts";
import type { ModelShelf } from "../ports/model-shelf.ts";
import type { ServingApp } from "../ports/serving-app.ts";

/** How published models come to a device, and where they lie. */
export interface ArtifactPorts {
  readonly link: ArtifactLink;
  readonly shelf: ModelShelf;
}

/** Everything through which an agent touches the world: the product, the simulation and the bench each bring theirs. */
export interface AgentPorts {
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly disk: Disk;
  readonly link: FleetLink;
  readonly connectFeed: ConnectFeed;
  readonly monitor: DeviceMonitor;
  /** What distinguishes the machine from others. Default: nothing. */
  readonly machine?: Omit<Instance, "instanceId">;
  readonly engine: AgentEngine;
  readonly serving: ServingApp;
  /** Default: documents that need a published model are refused. */
  readonly artifacts?: ArtifactPorts | undefined;
  readonly logger: Logger;
  /** Default: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  /** What the device's owner allows. Default: everything. */
  readonly limitsFile?: LimitsFile;
  /** Default: every envelope is good. */
  readonly verify?: VerifyEnvelope;
  /** Called at each turn of the work, with the time within which the next comes. */
  readonly onTurn?: ((nextWithinMs: number) => void) | undefined;
  /** Default: what the disk knows of it. */
  readonly time?: TrustedTime;
}
