import { setMaxListeners } from "node:events";
import { createCoordinator, resolveSettings } from "@mpo/coordinator";
import { MpoError } from "@mpo/core";
import type { Clock } from "@mpo/io";
import { silentLogger } from "@mpo/runtime";
import type { MemoryStateServer } from "@mpo/transport/testing";
import type { SharedKeys, SimulatedNats } from "./simulated-keys.ts";
import type { LiveCoordinator } from "./simulated-network.ts";

export interface CoordinatorParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly server: MemoryStateServer;
  /** Absent: nobody proves who they are. */
  readonly keys?: SharedKeys;
  readonly nats?: SimulatedNats;
  /** Something happened that never may. */
  readonly onFailure: (problem: string) => void;
}

/** Starts coordinators over one store; each has a name of its own. */
export function coordinatorStarter(parts: CoordinatorParts): () => LiveCoordinator & { readonly end: () => void } {
  const { clock, random, server, keys, nats, onFailure } = parts;
  let lives = 0;
  let ids = 0;
  return () => {
    const newId = (): string => `id${++ids}`;
    const settings = resolveSettings(
      { name: `c${++lives}`, heartbeatSeconds: 30, leaseMs: 10_000, quorum: 2, natsServers: ["nats://sim"] },
      newId,
    );
    const store = server.connect();
    const ends = new AbortController();
    // Every call under way listens.
    setMaxListeners(0, ends.signal);
    const common = { store, logger: silentLogger, clock, random, newId };
    const authority = keys?.open(ends.signal);
    const pushRevocations = nats && ((revocations: ReadonlyMap<string, number>) => nats.push(revocations));
    const coordinator = createCoordinator(settings, { ...common, authority, pushRevocations });
    coordinator.start({ signal: ends.signal }).catch((thrown: unknown) => {
      if (!ends.signal.aborted) onFailure(`a coordinator did not start: ${MpoError.from(thrown).message}`);
    });
    coordinator.ended.catch((thrown: unknown) => {
      if (!ends.signal.aborted) onFailure(`a coordinator failed: ${MpoError.from(thrown).message}`);
    });
    const end = (): void => {
      ends.abort();
      void coordinator.stop();
      void store.close();
    };
    return { coordinator, signal: ends.signal, end };
  };
}
