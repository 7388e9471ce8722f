import type { DocumentVersion } from "@mpo/protocol";

/** Start message of an agent's process. */
export interface AgentConfiguration {
  readonly device: string;
  readonly coordinator: string;
  /** What a coordinator leaves for agents of its machine. */
  readonly localJoinFile: string;
  readonly dataFolder: string;
  readonly servingRoot: string;
  /** Its wall clock starts here and runs this much faster: waits of minutes pass in seconds. */
  readonly clockStartMs: number;
  readonly clockSpeed: number;
  /** Names by how many milliseconds its machine's clock is moved, while it is there. */
  readonly clockFile: string;
  readonly seed: number;
}

/** Start message of a coordinator's process. */
export interface CoordinatorConfiguration {
  readonly name: string;
  /** Folder of the embedded nats-server; absent: the server is another process's. */
  readonly folder?: string;
  /** With the fleet's keys: both coordinators have it mounted. */
  readonly keysFolder: string;
  readonly localJoinFile: string;
  readonly grpcPort: number;
  readonly natsPort: number;
  /** Default: 1, so that what is wrong is seen soon. */
  readonly heartbeatSeconds?: number;
  /** Default: 2,000. */
  readonly leaseMs?: number;
}

/** What an agent's process reports. */
export type FromAgent =
  /** The coordinator has said that a profile is stored. `measurement` names what was measured. */
  | { readonly kind: "acknowledged"; readonly model: string; readonly report: string; readonly measurement: number }
  | { readonly kind: "applied"; readonly version: DocumentVersion; readonly isGivenUp: boolean }
  | { readonly kind: "reports"; readonly waiting: number; readonly dropped: number; readonly isOnline: boolean }
  /** A worker has begun. */
  | { readonly kind: "worker"; readonly pid: number };

/** Later messages to it. */
export type ToAgent = { readonly kind: "window"; readonly model: string };
