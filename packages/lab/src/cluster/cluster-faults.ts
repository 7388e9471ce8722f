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
  /** By their place. */
  readonly server: number;
  readonly coordinator: number;
  readonly lastsMs: number;
  readonly quietMs: number;
}

/** Long enough that the servers left choose other leaders, which takes them up to 9 s. */
const LONGEST_MS = 20_000;
const SHORTEST_MS = 4_000;
const QUIET_MS = 5_000;
const OPEN = { kind: "open" } as const;
const CUT = { kind: "cut" } as const;
/** Farther than any two places on earth. */
const LATE = { kind: "late", ms: 200 } as const;
/** As a card that is worn, or a disk that others write to. */
const SLOW_MS = 300;

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

/** It sees nobody, and is seen by who asks it: a client of it must go elsewhere. */
const serverCutOff: ClusterFault = {
  name: "server cut off from the others",
  start: async ({ fleet, server }) => fleet.surroundings.setLinks(CUT, server.name),
  end: async ({ fleet, server }) => {
    fleet.surroundings.setLinks(OPEN, server.name);
    await fleet.cluster.untilReady();
  },
};

/** Both still see the third. */
const linkCut: ClusterFault = {
  name: "link between two servers cut",
  start: async ({ fleet, server }) => fleet.surroundings.setLinks(CUT, server.name, after(fleet, server)),
  end: async ({ fleet, server }) => {
    fleet.surroundings.setLinks(OPEN, server.name, after(fleet, server));
    await fleet.cluster.untilReady();
  },
};

const linkLate: ClusterFault = {
  name: `server's links ${LATE.ms} ms late each way`,
  start: async ({ fleet, server }) => fleet.surroundings.setLinks(LATE, server.name),
  end: async ({ fleet, server }) => fleet.surroundings.setLinks(OPEN, server.name),
};

/** nats-server leaves its store alone after that: with room, somebody starts it again, without what it had. */
const diskFull: ClusterFault = {
  name: "server's disk full",
  start: ({ fleet, server }) => fleet.surroundings.diskOf(server.name).fill(),
  end: async ({ fleet, server }) => {
    await fleet.surroundings.diskOf(server.name).free();
    await fleet.cluster.kill(server);
    await fleet.surroundings.emptyStore(server);
    await fleet.cluster.restart(server);
  },
};

/** Somebody has to mount it again, and to start what used it. */
const diskReadOnly: ClusterFault = {
  name: "server's disk read-only",
  start: ({ fleet, server }) => fleet.surroundings.diskOf(server.name).fail(),
  end: async ({ fleet, server }) => {
    const disk = fleet.surroundings.diskOf(server.name);
    await fleet.cluster.kill(server);
    await disk.unmount();
    await disk.mount();
    await fleet.surroundings.emptyStore(server);
    await fleet.cluster.restart(server);
  },
};

const diskSlow: ClusterFault = {
  name: `server's disk slow (${SLOW_MS} ms a write)`,
  start: ({ fleet, server }) => fleet.surroundings.slowDown(server.name, server.child.pid ?? 0, SLOW_MS),
  end: ({ fleet, server }) => fleet.surroundings.speedUp(server.name),
};

/** Whoever comes after a server. */
function after({ cluster: { nodes } }: ClusterFleet, { name }: ClusterNode): string {
  const index = nodes.findIndex((one) => one.name === name);
  return nodes[(index + 1) % nodes.length]?.name ?? name;
}

/** By what they are done to. */
export const FAULT_GROUPS = {
  processes: [serverKilled, coordinatorKilled, serverStopped, coordinatorStopped, bothKilled],
  links: [serverCutOff, linkCut, linkLate],
  disks: [diskFull, diskReadOnly],
  "slow disks": [diskSlow],
} as const;
export type FaultGroup = keyof typeof FAULT_GROUPS;

/** The faults of a seed, without end: each kind once, in a drawn order, then again. Victims take turns too. */
export function* faultsOf(
  seed: number,
  groups: readonly FaultGroup[],
  victims: { readonly servers: number; readonly coordinators: number },
): Generator<DrawnFault, never, undefined> {
  const random = createRandom(seed);
  const turns = (count: number): (() => number) => {
    let left: readonly number[] = [];
    return () => {
      if (left.length === 0) left = random.shuffled(Array.from({ length: count }, (_, index) => index));
      const [next = 0, ...others] = left;
      left = others;
      return next;
    };
  };
  const [server, coordinator] = [turns(victims.servers), turns(victims.coordinators)];
  for (;;) {
    for (const fault of random.shuffled(groups.flatMap((group) => [...FAULT_GROUPS[group]]))) {
      yield {
        ...{ fault, server: server(), coordinator: coordinator() },
        lastsMs: SHORTEST_MS + random.uniform() * (LONGEST_MS - SHORTEST_MS),
        quietMs: QUIET_MS * (0.5 + random.uniform()),
      };
    }
  }
}
