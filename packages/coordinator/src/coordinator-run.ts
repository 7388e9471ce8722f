import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { given, MpoError } from "@mpo/core";
import { validityOf } from "@mpo/identity";
import { hereOf, isLoopback, systemClock, Turns, targetOf } from "@mpo/io";
import type { Logger, Service } from "@mpo/runtime";
import {
  EmbeddedNatsServer,
  findNatsServer,
  type GrpcServer,
  NatsLink,
  type StateStore,
  startGrpcServer,
} from "@mpo/transport";
import { chunksInFolder } from "./artifacts/chunk-store.ts";
import { type Coordinator, createCoordinator } from "./coordinator.ts";
import type { HttpServer } from "./http/http-server.ts";
import { leaveLocalJoin } from "./local-join.ts";
import { openStore } from "./open-store.ts";
import { reachableHosts } from "./reachable.ts";
import { RunIdentity } from "./run-identity.ts";
import type { CoordinatorAddresses, EmbeddedNats, ExternalNats, RunOptions } from "./run-options.ts";
import { PlanningThreads } from "./search/planning-threads.ts";
import { consoleUrlOf, type Served, servedBy, serveHttp } from "./serve-http.ts";
import type { ResolvedSettings } from "./settings.ts";

/** The rest of the time to stop is for the store, which may hang. */
const GRPC_GRACE_MS = 3_000;
/** While it asks a server that is gone, nobody is served. */
const PING_MS = 2_000;

/** The parts of one run, each made from the ones before it. */
export class CoordinatorRun {
  readonly #settings: ResolvedSettings;
  readonly #options: RunOptions;
  readonly #nats: EmbeddedNats | ExternalNats;
  readonly #logger: Logger;
  readonly #turns = new Turns();
  readonly #planning = new PlanningThreads();
  #identity: RunIdentity | undefined;
  #server: EmbeddedNatsServer | undefined;
  #link: NatsLink | undefined;
  #store: StateStore | undefined;
  #coordinator: Coordinator | undefined;
  #grpc: GrpcServer | undefined;
  #http: HttpServer | undefined;
  #shared: Served | undefined;

  constructor(settings: ResolvedSettings, options: RunOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#nats = options.nats;
    this.#logger = options.logger;
  }

  /** In the order of their start. */
  services(): readonly Service[] {
    return [
      ...(this.#settings.insecure ? [] : [this.#keysService()]),
      ...(this.#nats.kind === "embedded" ? [this.#serverService(this.#nats)] : []),
      this.#linkService(),
      ...(this.#settings.insecure ? [] : [late("authority", () => made(this.#identity).followService())]),
      this.#coordinatorService(),
      this.#httpService(),
      this.#grpcService(),
    ];
  }

  async leaveLocalJoin(signal: AbortSignal): Promise<void> {
    const { localJoinFile } = this.#options;
    const { identities } = made(this.#coordinator);
    if (identities === undefined || localJoinFile === undefined) return;
    const { host, port } = made(this.#grpc);
    const target = targetOf({ host: hereOf(host), port });
    const local = { identities, target, nowMs: Date.now(), logger: this.#logger, signal };
    try {
      await leaveLocalJoin(localJoinFile(port), local);
    } catch (err) {
      if (signal.aborted) throw err;
      this.#logger.warn("commands on this machine have to log in: what they need could not be written", { err });
    }
  }

  /** Of a port that was any free one, nobody would find it again. */
  async removeLocalJoin(): Promise<void> {
    const { localJoinFile } = this.#options;
    if (localJoinFile === undefined || this.#settings.insecure || this.#settings.grpc.port !== 0) return;
    await rm(localJoinFile(made(this.#grpc).port), { force: true });
  }

  get deviceCount(): number {
    return made(this.#coordinator).deviceCount;
  }

  addresses(): CoordinatorAddresses {
    const coordinator = made(this.#coordinator);
    const { address, isOverTls } = made(this.#http);
    return {
      name: coordinator.name,
      grpc: made(this.#grpc).target,
      http: `${isOverTls ? "https" : "http"}://${targetOf(address)}`,
      natsServers: coordinator.settings.natsServers,
      ...given({ console: consoleUrlOf(this.#settings, made(this.#http)) }),
      ...(this.#server === undefined ? {} : { natsPid: this.#server.pid }),
    };
  }

  #keysService(): Service {
    return late("identity", async (signal) => {
      const keys = made(this.#options.keys);
      const { certificateValidMs, advertise, http } = this.#settings;
      const hosts = ["localhost", ...(advertise.length > 0 ? advertise : reachableHosts(http.host))];
      const addresses = (): readonly string[] => this.#advertised();
      const common = { nats: this.#nats, clock: systemClock, random: Math.random, logger: this.#logger };
      this.#identity = await RunIdentity.open({ ...keys, certificateValidMs, addresses, hosts, ...common }, signal);
      return this.#identity.service();
    });
  }

  /** "host:port" by which others reach it. */
  #advertised(): readonly string[] {
    const { host, port } = made(this.#grpc);
    const { advertise } = this.#settings;
    return (advertise.length > 0 ? advertise : reachableHosts(host))
      .map((one) => targetOf({ host: one, port }))
      .slice(0, 8);
  }

  #serverService(nats: EmbeddedNats): Service {
    return {
      name: "nats-server",
      start: async ({ signal }) => {
        const { folder, binary: named, searchPath, cacheFolder, host, port } = nats;
        const binary = await findNatsServer({ named, searchPath, cacheFolder, signal });
        const identities = this.#identity?.natsServer;
        const options = { binary, folder: join(folder, "nats"), host, port, identities, logger: this.#logger, signal };
        this.#server = await EmbeddedNatsServer.start(options);
        const { url } = this.#server.address;
        this.#logger.info("nats-server runs", { url, pid: this.#server.pid, wasAdopted: this.#server.wasAdopted });
      },
      ended: () => this.#server?.ended,
      stop: async () => await this.#server?.stop(),
    };
  }

  #linkService(): Service {
    const nats = this.#nats;
    return {
      name: "store",
      start: async ({ signal }) => {
        const plain = nats.kind === "external" ? given({ credentials: nats.credentials }) : {};
        const proof = this.#identity?.linkSettings("coordinator") ?? plain;
        const name = `coordinator ${this.#settings.name}`;
        const settings = { servers: this.#natsServers(), name, pingMs: PING_MS, ...proof };
        this.#link = await NatsLink.open(settings, { logger: this.#logger, signal }).catch((thrown: unknown) => {
          throw nats.kind === "external" ? (this.#identity?.refusalOf(thrown) ?? thrown) : thrown;
        });
        const parts = { nats, server: this.#server, identity: this.#identity, logger: this.#logger, signal };
        this.#store = await openStore(this.#link, parts);
      },
      ended: () => this.#link?.ended,
      stop: async () => {
        await this.#store?.close();
        await this.#link?.close();
      },
    };
  }

  #coordinatorService(): Service {
    return {
      name: "coordinator",
      start: async ({ signal }) => {
        const server = this.#server;
        const identity = this.#identity;
        const { models, tracing } = this.#options;
        const { natsServers: set } = this.#settings;
        const natsServers = set.length > 0 ? set : this.#natsForDevices();
        this.#coordinator = createCoordinator(
          { ...this.#settings, natsServers },
          {
            store: made(this.#store),
            planning: this.#planning,
            ownTurn: () => this.#turns.take(() => setImmediate()),
            logger: this.#logger,
            tracing,
            newId: randomUUID,
            consoleUrl: () => consoleUrlOf(this.#settings, made(this.#http)),
            ...given({ chunks: models === undefined ? undefined : chunksInFolder(models) }),
            onTurn: this.#options.onTurn,
            ...given({ requireStorePlace: server && (() => server.requireStreams()) }),
            ...(identity === undefined
              ? {}
              : {
                  authority: identity.keys,
                  listenerValidity: () => validityOf(identity.listenerTls.current().certificatePem),
                  pushRevocations: (revocations, signal) =>
                    identity.pushRevocations(this.#natsServers(), revocations, signal),
                }),
          },
        );
        await this.#coordinator.start({ signal });
      },
      ended: () => this.#coordinator?.ended,
      stop: async () => {
        await this.#coordinator?.stop();
        await this.#planning.close();
      },
    };
  }

  /** Where NATS is, for the coordinator itself. */
  #natsServers(hosts: (host: string) => readonly string[] = (host) => [hereOf(host)]): readonly string[] {
    if (this.#nats.kind === "external") return this.#nats.servers;
    const { host = "127.0.0.1" } = this.#nats;
    const port = Number(new URL(made(this.#server).address.url).port);
    return hosts(host).map((one) => `nats://${targetOf({ host: one, port })}`);
  }

  /** The same for devices: told of all addresses, they take the one by which they have reached the coordinator. */
  #natsForDevices(): readonly string[] {
    const { advertise } = this.#settings;
    return this.#natsServers((host) => (isLoopback(host) || advertise.length === 0 ? [host] : advertise));
  }

  #httpService(): Service {
    return {
      name: "http",
      start: async ({ signal }) => {
        const coordinator = made(this.#coordinator);
        const parts = { coordinator, tls: this.#identity?.listenerTls, served: this.#served() };
        this.#http = await serveHttp(this.#options, { ...parts, clock: systemClock, signal });
      },
      stop: async () => await this.#http?.stop(),
    };
  }

  #served(): Served {
    this.#shared ??= servedBy(made(this.#coordinator), systemClock);
    return this.#shared;
  }

  #grpcService(): Service {
    return {
      name: "grpc",
      start: async () => {
        const coordinator = made(this.#coordinator);
        const { grpc, callsPerSecond } = coordinator.settings;
        const { services, identify } = this.#served();
        this.#grpc = await startGrpcServer({
          ...grpc,
          services,
          ...(identify === undefined ? {} : { tls: made(this.#identity).listenerTls, identify }),
          onRefused: (path) => coordinator.metrics.refused(path),
          quota: { perSecond: callsPerSecond, burst: 4 * callsPerSecond },
          logger: this.#logger,
        });
      },
      stop: async () => await this.#grpc?.stop({ graceMs: GRPC_GRACE_MS }),
    };
  }
}

/** A service that is made when it starts. */
function late(name: string, make: (signal: AbortSignal) => Service | Promise<Service>): Service {
  let running: Service | undefined;
  return {
    name,
    start: async (options) => {
      running = await make(options.signal);
      await running.start(options);
    },
    ended: () => running?.ended?.(),
    stop: async (options) => await running?.stop(options),
  };
}

function made<T>(part: T | undefined): T {
  if (part === undefined) throw new MpoError("internal", "a part is used before the one that it stands on");
  return part;
}
