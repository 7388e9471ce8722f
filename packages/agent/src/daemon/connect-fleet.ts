import { given } from "@mpo/core";
import type { Clock } from "@mpo/io";
import { type DeviceIdentity, deviceKey } from "@mpo/protocol";
import type { Logger } from "@mpo/runtime";
import type { FleetMember } from "../identity/fleet-member.ts";
import type { ArtifactLink, ConnectFeed, FleetLink } from "../ports/fleet-link.ts";

/** How an agent reaches its fleet. All credentials pass through here. */
export interface FleetConnectionOptions {
  readonly identity: DeviceIdentity;
  /** "host:port" of the coordinators' gRPC. */
  readonly coordinators: readonly string[];
  /** What the device proves itself with. Without it everything crosses in plaintext, and nobody is proven. */
  readonly member?: Pick<FleetMember, "tls" | "nats" | "isRefused"> | undefined;
  /** Takes the place of the NATS servers that the coordinator names. */
  readonly natsServers?: readonly string[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** The ports of an agent to its fleet, over gRPC and NATS. Close it when the agent has ended. */
export interface FleetConnection {
  readonly link: FleetLink;
  /** Absent: the agent fetches no models. */
  readonly artifacts?: ArtifactLink;
  readonly connectFeed: ConnectFeed;
  close(): void;
}

/** Makes the ports. Connects when they are used, never throws itself. */
export async function connectFleet(options: FleetConnectionOptions): Promise<FleetConnection> {
  const { BUCKETS, createFleetClient, deviceInbox, FLEET_LAYOUT, NatsLink, NatsNotifyBus, openExistingStore } =
    await import("@mpo/transport");
  const { identity, coordinators, member, natsServers, clock, random, logger } = options;
  const common = { clock, random, logger };
  // Retries are the agent's own: it knows what is urgent.
  const client = createFleetClient({ targets: coordinators, retries: 0, ...given({ tls: member?.tls }), ...common });
  return {
    artifacts: client,
    link: {
      ...client,
      hello: async (request, call) => {
        const answer = await client.hello(request, call);
        return { ...answer, natsServers: answer.natsServers.map((server) => reachable(server, client.target)) };
      },
    },
    connectFeed: async (servers, { signal }) => {
      const link = await NatsLink.open(
        {
          servers: natsServers ?? servers,
          name: `agent-${identity.device}`,
          inboxPrefix: deviceInbox(deviceKey(identity)),
          ...member?.nats,
        },
        // Who was revoked, and let in again, needs a new user there.
        { ...common, signal, ...(member === undefined ? {} : { onRefused: () => member.isRefused() }) },
      );
      try {
        const store = await openExistingStore(link, FLEET_LAYOUT);
        const bus = new NatsNotifyBus(link);
        return {
          bus,
          read: async (device, read) => {
            const entry = await store.get(BUCKETS.desired, deviceKey(device), { consistency: "any", ...read });
            return entry?.value;
          },
          close: async () => {
            await store.close();
            await bus.close();
            await link.close();
          },
        };
      } catch (thrown) {
        await link.close();
        throw thrown;
      }
    },
    close: () => client.close(),
  };
}

/** A server that listens on all addresses of the coordinator's host is reached where that is. */
function reachable(server: string, coordinator: string): string {
  return server.replace(/^([a-z]+:\/\/)(?:0\.0\.0\.0|\[::\])(?=:|$)/u, `$1${coordinator.replace(/:\d+$/u, "")}`);
}
