import { join } from "node:path";
import { NATS_FILES, prepareNats } from "@mpo/coordinator";
import { type LocalJoin, readLocalJoin } from "@mpo/identity";
import { type AdminClient, FLEET_LAYOUT, type NatsLink, StoreCopy, type StoreReplicas } from "@mpo/transport";
import { binary, NatsCluster } from "@mpo/transport/testing";
import { BenchCoordinator } from "../bench/fleet/bench-coordinator.ts";
import { SimulatedFleet, type SimulatedFleetOptions } from "../bench/fleet/simulated-fleet.ts";
import { AUTHORITY_FOLDER, adminOf, LOCAL_JOIN_FILE, openStoreLink } from "../fleet-access.ts";
import { Surroundings, type SurroundingsOptions } from "./cluster-surroundings.ts";

export interface ClusterFleetOptions
  extends Pick<SimulatedFleetOptions, "agents" | "seed" | "listener">,
    SurroundingsOptions {
  readonly folder: string;
  /** Devices that join, and are switched off before anything happens. */
  readonly ghosts: number;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

const STARTS_PER_SECOND = 50;
/** Of all agents together, at most: each is stored. */
const HEARTBEATS_PER_SECOND = 50;
const SHORTEST_HEARTBEAT_SECONDS = 5;
/** The harness is one program that asks more than a person would. */
const CALLS_PER_SECOND = 2_000;
/** Of links to a cluster whose servers come and go. */
const PATIENT = { waitsForServer: true, reconnectBaseMs: 50, reconnectCapMs: 500 };

/** A coordinator, and a client that asks no other. */
export interface ClusterCoordinator {
  readonly process: BenchCoordinator;
  readonly name: string;
  readonly target: string;
  readonly admin: AdminClient;
}

/**
 * Three nats-servers with the fleet's identities, two coordinators and many agents of both, all of them processes that can
 * be killed and stopped.
 */
export class ClusterFleet implements AsyncDisposable {
  readonly cluster: NatsCluster;
  readonly coordinators: readonly ClusterCoordinator[];
  readonly agents: SimulatedFleet;
  readonly surroundings: Surroundings;
  readonly #keysFolder: string;
  readonly #local: LocalJoin;
  readonly #ends: (() => Promise<void> | void)[];

  private constructor(
    parts: Pick<ClusterFleet, "cluster" | "coordinators" | "agents" | "surroundings"> & {
      keysFolder: string;
      local: LocalJoin;
    },
    ends: (() => Promise<void> | void)[],
  ) {
    this.cluster = parts.cluster;
    this.coordinators = parts.coordinators;
    this.agents = parts.agents;
    this.surroundings = parts.surroundings;
    this.#keysFolder = parts.keysFolder;
    this.#local = parts.local;
    this.#ends = ends;
  }

  static async start(options: ClusterFleetOptions): Promise<ClusterFleet> {
    const { folder, agents: count, ghosts, hasDisks, keepsStores, seed, listener, onProgress, signal } = options;
    const ends: (() => Promise<void> | void)[] = [];
    try {
      const keysFolder = join(folder, AUTHORITY_FOLDER);
      const { config, serverPem } = await prepareNats(keysFolder, { signal });
      const access = { config, serverPem, pairFile: NATS_FILES.pairFile };
      const surroundings = new Surroundings({ hasDisks, keepsStores });
      ends.push(() => surroundings.end());
      const cluster = await NatsCluster.start(binary().path, folder, access, surroundings.ofCluster);
      ends.push(() => cluster.stop());
      onProgress("three nats-servers run, with the fleet's identities");
      const servers = cluster.nodes.map(({ url }) => url);
      const monitorUrls = cluster.nodes.map(({ monitorUrl }) => monitorUrl);
      const started: Pick<ClusterCoordinator, "process" | "name" | "target">[] = [];
      for (const name of ["coordinator-1", "coordinator-2"]) {
        const plan = {
          ...{ folder, name, callsPerSecond: CALLS_PER_SECOND, insecure: false },
          ...{ cluster: { servers, monitorUrls }, logFile: join(folder, `${name}.log`) },
          heartbeatSeconds: Math.max(SHORTEST_HEARTBEAT_SECONDS, Math.ceil(count / HEARTBEATS_PER_SECOND)),
        };
        const process = await BenchCoordinator.create(plan);
        ends.push(() => process[Symbol.asyncDispose]());
        const { grpc: target } = await process.start(signal);
        started.push({ process, name, target });
      }
      const localJoinFile = join(folder, LOCAL_JOIN_FILE);
      const local = await readLocalJoin(localJoinFile, { signal });
      const coordinators = started.map((one) => ({ ...one, admin: adminOf([one.target], () => local) }));
      ends.push(() => {
        for (const { admin } of coordinators) admin.close();
      });
      onProgress("two coordinators run");
      const joining = {
        coordinators: started.map(({ target }) => target),
        identities: { localJoinFile, folder: join(folder, "devices") },
        ...{ startsPerSecond: STARTS_PER_SECOND, seed },
      };
      if (ghosts > 0) {
        await using switchedOff = new SimulatedFleet({ ...joining, agents: ghosts, from: count });
        await switchedOff.untilJoined(ghosts, signal);
      }
      const agents = new SimulatedFleet({ ...joining, agents: count, ...(listener && { listener }) });
      ends.push(() => agents[Symbol.asyncDispose]());
      await agents.untilJoined(count, signal);
      onProgress(`${count} agents have joined`);
      return new ClusterFleet({ cluster, coordinators, agents, surroundings, keysFolder, local }, ends);
    } catch (thrown) {
      await endAll(ends);
      throw thrown;
    }
  }

  /** A client as an operator has it: it goes to the other coordinator where one does not answer. */
  operator(): AdminClient {
    return adminOf(
      this.coordinators.map(({ target }) => target),
      () => this.#local,
    );
  }

  /** A link to the store with all rights. */
  async storeLink(signal: AbortSignal): Promise<NatsLink> {
    const servers = this.cluster.nodes.map(({ url }) => url);
    return await openStoreLink("", this.#keysFolder, { ...PATIENT, servers, signal });
  }

  /** What each server holds. */
  async compareCopies(signal: AbortSignal): Promise<StoreReplicas> {
    const link = await this.storeLink(signal);
    try {
      const { nodes } = this.cluster;
      const copy = await StoreCopy.open(link, { layout: FLEET_LAYOUT, replicas: nodes.length, signal });
      return await copy.replicas({ signal });
    } finally {
      await link.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endAll(this.#ends);
  }
}

/** In the reverse order of their start, whatever fails. */
async function endAll(ends: (() => Promise<void> | void)[]): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
}
