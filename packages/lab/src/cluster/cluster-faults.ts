import { createRandom } from "@mpo/datasets";
import type { ClusterNode } from "@mpo/transport/testing";
import type { ClusterCoordinator, ClusterFleet } from "./cluster-fleet.ts";

/** What a fault is done to, drawn by a seed. */
export interface Victims {
  readonly fleet: ClusterFleet;
  readonly server: ClusterNode;
  readonly coordinator: ClusterCoordinator;
  readonly signal: AbortSignal;
}

/** Something that goes wrong, and is put right. Never with two servers, nor with both coordinators. */
export interface ClusterFault {
  readonly name: string;
  start(victims: Victims): Promise<void>;
  /** Resolves when who it was done to runs again. */
  end(victims: Victims): Promise<void>;
}

/** One fault of a schedule. */
export interface DrawnFault {
  readonly fault: ClusterFault;
  /** From 0 up to 1. */
  readonly pickServer: number;
  readonly pickCoordinator: number;
  readonly lastsMs: number;
  readonly quietMs: number;
}

/** Long enough that the servers left choose other leaders, which takes them up to 9 s. */
const LONGEST_MS = 20_000;
const SHORTEST_MS = 4_000;
const QUIET_MS = 5_000;

const serverKilled: ClusterFault = {
  name: "server killed",
  start: ({ fleet, server }) => fleet.cluster.kill(server),
  end: ({ fleet, server }) => fleet.cluster.restart(server),
};

const coordinatorKilled: ClusterFault = {
  name: "coordinator killed",
  start: ({ coordinator }) => coordinator.process.kill(),
  end: async ({ coordinator, signal }) => {
    await coordinator.process.start(signal);
  },
};

const serverStopped: ClusterFault = {
  name: "server stopped (SIGSTOP)",
  start: async ({ fleet, server }) => fleet.cluster.pause(server),
  end: ({ fleet, server }) => fleet.cluster.resume(server),
};

const coordinatorStopped: ClusterFault = {
  name: "coordinator stopped (SIGSTOP)",
  start: async ({ coordinator }) => coordinator.process.pause(),
  end: async ({ coordinator }) => coordinator.process.resume(),
};

/** A coordinator that comes back must not need the server that is gone. */
const bothKilled: ClusterFault = {
  name: "server killed, coordinator killed and back",
  start: async (victims) => {
    await serverKilled.start(victims);
    await coordinatorKilled.start(victims);
    await coordinatorKilled.end(victims);
  },
  end: serverKilled.end,
};

/** Servers and coordinators in turn. */
const IN_TURN = [serverKilled, coordinatorKilled, serverStopped, coordinatorStopped, bothKilled];

/** The faults of a seed, without end: each kind once, in a drawn order, then again. */
export function* faultsOf(seed: number): Generator<DrawnFault, never, undefined> {
  const random = createRandom(seed);
  for (;;) {
    for (const fault of random.shuffled(IN_TURN)) {
      yield {
        fault,
        pickServer: random.uniform(),
        pickCoordinator: random.uniform(),
        lastsMs: SHORTEST_MS + random.uniform() * (LONGEST_MS - SHORTEST_MS),
        quietMs: QUIET_MS * (0.5 + random.uniform()),
      };
    }
  }
}
