import type { FleetEvent, RolloutDevice, RolloutView } from "@mpo/protocol";
import type { Answers } from "./page-server.ts";

const NAME = "everywhere";
const START_MS = Date.now() - 600_000;

/** Answers of a coordinator with a rollout over so many devices, and so many events. */
export function madeUpHistory(devices: number, events: number): Answers {
  const rollout: RolloutView = {
    ...{ tenant: "default", name: NAME, spec: "{}", phase: "running", sinceMs: START_MS, reason: "", wave: 0 },
    waves: [
      {
        ...{ state: "changing", sinceMs: START_MS, startedAtMs: START_MS, devices, gates: [] },
        counts: [{ state: "pending", devices }],
      },
    ],
    ...{ devices, counts: [{ state: "pending", devices }], control: 0, plannedBy: "Ada", plannedAtMs: START_MS },
    ...{ startedAtMs: START_MS, distribution: [], leftOut: [], leftOutCount: 0 },
  };
  return {
    getRollout: () => ({ rollout, serverTimeMs: Date.now() }),
    listRolloutDevices: ({ pageSize, pageToken = "0" }) => {
      const [from, size] = [Number(pageToken), Number(pageSize)];
      const count = Math.max(0, Math.min(size, devices - from));
      const page = Array.from({ length: count }, (_, index) => rolloutDevice(from + index));
      return { devices: page, ...(from + size < devices ? { nextPageToken: String(from + size) } : {}) };
    },
    listEvents: ({ beforeSequence, pageSize }) => {
      const newest = beforeSequence === 0 ? events : Number(beforeSequence) - 1;
      const count = Math.min(newest, Number(pageSize));
      return { events: Array.from({ length: count }, (_, index) => eventOf(newest - index)) };
    },
  };
}

function rolloutDevice(index: number): RolloutDevice {
  return {
    ...{ device: `pi-${String(index).padStart(5, "0")}`, wave: 0, state: "pending", sinceMs: START_MS, attempts: 0 },
    ...{ message: "", config: "batches of 8" },
  };
}

function eventOf(sequence: number): FleetEvent {
  return {
    ...{ sequence, tenant: "default", kind: "document-applied", device: `pi-${sequence}`, actor: "coordinator" },
    ...{ atMs: START_MS + sequence, message: `number ${sequence}` },
  };
}
