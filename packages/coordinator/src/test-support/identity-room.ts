import { createAuthority, createCsr, createDeviceKey, createDeviceNkey, createNatsAuthority } from "@mpo/identity";
import { VirtualClock } from "@mpo/io/testing";
import type { EnrollRequest } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { FLEET_LAYOUT, type StateStore } from "@mpo/transport";
import { MemoryStateServer } from "@mpo/transport/testing";
import { FleetKeys, type KeysPorts } from "../identity/fleet-keys.ts";
import { type Identities, identitiesOf } from "../identity/identities.ts";
import type { PushRevocations } from "../identity/nats-users.ts";
import type { StoreContext } from "../store/change-entry.ts";
import { INVENTORY } from "../testing/tiny-fleet.ts";

export const DAY_MS = 86_400_000;

/** Keys of a fleet that nothing keeps. */
export async function fleetKeys(clock: VirtualClock, ports: Partial<KeysPorts> = {}): Promise<FleetKeys> {
  const authority = await createAuthority({ fleetId: "fleet-1", nats: createNatsAuthority(), nowMs: clock.now() });
  return new FleetKeys(authority, {
    ...{ clock, certificateValidMs: 7 * DAY_MS, addresses: () => ["10.0.0.1:7443"], save: () => Promise.resolve() },
    ...ports,
  });
}

/** A device with keys of its own. */
export interface Asker {
  readonly csr: Uint8Array;
  readonly nkey: string;
}

export async function asker(): Promise<Asker> {
  return { csr: await createCsr(await createDeviceKey()), nkey: createDeviceNkey().publicKey };
}

export interface IdentityRoom {
  readonly clock: VirtualClock;
  readonly server: MemoryStateServer;
  readonly keys: FleetKeys;
  /** What was pushed to NATS, oldest first. */
  readonly pushed: (readonly string[])[];
  /** Makes pushes fail while it is set. */
  failure: Error | undefined;
  /** One more coordinator over the same store. */
  connect(): Promise<Identities & { readonly context: StoreContext; stop(): Promise<void> }>;
  stop(): Promise<void>;
}

/** Several coordinators' identities over one store. */
export async function identityRoom(): Promise<IdentityRoom> {
  const clock = new VirtualClock(1_700_000_000_000);
  const server = new MemoryStateServer({ layout: FLEET_LAYOUT, clock });
  const stops: (() => Promise<void>)[] = [];
  const pushed: (readonly string[])[] = [];
  const push: PushRevocations = (revocations) => {
    if (room.failure !== undefined) return Promise.reject(room.failure);
    pushed.push([...revocations.keys()]);
    return Promise.resolve();
  };
  const room: IdentityRoom = {
    ...{ clock, server, pushed, keys: await fleetKeys(clock), failure: undefined },
    connect: async () => {
      const store: StateStore = server.connect();
      const context = { store, clock, random: () => 0.5, logger: silentLogger };
      const identities = identitiesOf(context, room.keys, push);
      const ends = new AbortController();
      const watches = Object.values(identities.watched).flatMap((part) => part.watches);
      const tasks = [...watches.map((watch) => watch.run(ends.signal)), identities.run(ends.signal)];
      await Promise.all(watches.map(({ ready }) => ready));
      const stop = async (): Promise<void> => {
        ends.abort();
        await Promise.all(tasks);
      };
      stops.push(stop);
      return { ...identities, context, stop };
    },
    stop: async () => {
      for (const stop of stops) await stop();
    },
  };
  return room;
}

/** What a device sends to join. */
export function joining(
  { csr, nkey }: Asker,
  device: string,
  { tenant = "acme", token }: { readonly tenant?: string; readonly token?: string | undefined } = {},
): EnrollRequest {
  return {
    ...{ identity: { tenant, device }, certificateRequest: csr, natsPublicKey: nkey, inventory: INVENTORY, labels: [] },
    ...(token === undefined ? {} : { joinToken: token }),
  };
}
