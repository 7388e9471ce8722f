import { setMaxListeners } from "node:events";
import type {
  DeviceIdentity,
  HelloRequest,
  Inventory,
  ReportProfileRequest,
  ReportStatusRequest,
  Resources,
  WindowResult,
} from "@mpo/protocol";
import { type Logger, silentLogger } from "@mpo/runtime";
import { FLEET_LAYOUT } from "@mpo/transport";
import { MemoryStateServer } from "@mpo/transport/testing";
import { type Coordinator, createCoordinator } from "../coordinator.ts";
import { type CoordinatorSettings, resolveSettings } from "../settings.ts";
import { tinyChain, tinyProfile } from "./tiny-chain.ts";

export const MODEL_DIGEST: string = "cd".repeat(32);

export function identityOf(device: string): DeviceIdentity {
  return { tenant: "acme", device };
}

export const INVENTORY: Inventory = {
  deviceClass: "board",
  board: "Board 1",
  cpuModel: "cpu",
  cpuCores: 4,
  memoryBytes: 2 ** 30,
  swapBytes: 0,
  gpus: [],
  os: "Debian 12",
  kernel: "6.1",
  architecture: "arm64",
  agentVersion: "0.1.0",
  nodeVersion: "20.19.0",
};

export const RESOURCES: Resources = {
  measuredAtMs: 1_700_000_000_000,
  memoryAvailableBytes: 700_000_000,
  diskFreeBytes: 1e9,
  loadAverage: 0.1,
  isThrottled: false,
};

export function helloOf(device: string, changes: Partial<HelloRequest> = {}): HelloRequest {
  return {
    identity: identityOf(device),
    inventory: INVENTORY,
    resources: RESOURCES,
    labels: [{ name: "site", value: "north" }],
    models: [{ name: "tiny", manifestDigest: MODEL_DIGEST }],
    profiles: [],
    ...changes,
  };
}

export function reportOf(device: string, report: string, speed: number = 1): ReportProfileRequest {
  const chain = tinyChain();
  return { identity: identityOf(device), report, profile: tinyProfile(device, { speed, chain }), chain };
}

export function documentReport(
  device: string,
  sequence: number,
  version: number,
  state: "accepted" | "applied" | "confirmed" | "failed" | "refused",
): ReportStatusRequest {
  return {
    identity: identityOf(device),
    report: `status-${sequence}`,
    sequence,
    reportedAtMs: 1_700_000_000_000,
    status: { kind: "document", document: { version: { epoch: 1, version }, state, message: "" } },
  };
}

/** What was predicted of a window. */
export const RUNG: WindowResult["rung"] = {
  config: {
    microBatch: 8,
    accumulation: 4,
    freezing: { featureExtraction: 0, normalisation: 0, linear: 0 },
    checkpoints: { kind: "none" },
  },
  memoryBytes: { expected: 1, upper: 2 },
  stepMs: { expected: 1, upper: 2 },
  overheadMs: 0,
  stepsInWindow: 10,
  accuracy: { expected: 0.5, lower: 0.4, upper: 0.6, steps: 5, isGuess: false },
  trainingMs: 5,
  unknowns: [],
};

export function windowReport(device: string, sequence: number, rung: WindowResult["rung"]): ReportStatusRequest {
  return {
    identity: identityOf(device),
    report: `status-${sequence}`,
    sequence,
    reportedAtMs: 1_700_000_000_000,
    status: {
      kind: "window",
      window: {
        window: `window-${sequence}`,
        model: "tiny",
        openedAtMs: 1_700_000_000_000,
        rung,
        outcome: "replaced",
        durationMs: 1000,
        steps: 10,
        stepMs: [],
        message: "",
      },
    },
  };
}

export function probeReport(
  device: string,
  sequence: number,
  failedAtMs: number,
  message: string,
): ReportStatusRequest {
  return {
    identity: identityOf(device),
    report: `status-${sequence}`,
    sequence,
    reportedAtMs: failedAtMs,
    status: { kind: "probe", probe: { model: "tiny", failedAtMs, failures: sequence, retryAtMs: failedAtMs, message } },
  };
}

/** A call that nothing ends. */
export const CALL: { readonly signal: AbortSignal } = { signal: new AbortController().signal };
// Tests make many at once with it.
setMaxListeners(0, CALL.signal);

/** A fresh store for coordinators. */
export function freshServer(): MemoryStateServer {
  return new MemoryStateServer({ layout: FLEET_LAYOUT });
}

let coordinators = 0;

/** A coordinator over a store, started. Stop it after the test. */
export async function startCoordinator(
  server: MemoryStateServer,
  settings: CoordinatorSettings = {},
  logger: Logger = silentLogger,
): Promise<Coordinator> {
  const number = ++coordinators;
  let ids = 0;
  const newId = (): string => `${number}-${++ids}`;
  const resolved = resolveSettings({ name: `test-${number}`, ...settings }, newId);
  const coordinator = createCoordinator(resolved, { store: server.connect(), logger, newId });
  await coordinator.start();
  return coordinator;
}

/** Waits until `look` finds something. The test's own timeout is the limit. */
export async function eventually<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
