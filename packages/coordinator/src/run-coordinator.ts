import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { given, MpoError } from "@mpo/core";
import { type ExitCode, type Logger, type ProcessPort, runServices, type Service } from "@mpo/runtime";
import {
  EmbeddedNatsServer,
  FLEET_LAYOUT,
  findNatsServer,
  type GrpcServer,
  type NatsCredentials,
  NatsLink,
  openJetstreamStore,
  type StateStore,
  startGrpcServer,
} from "@mpo/transport";
import { servicesOf } from "./api/services.ts";
import { type Coordinator, createCoordinator } from "./coordinator.ts";
import { warnOfFewFiles } from "./few-files.ts";
import { type StatusServer, startStatusServer } from "./http/status-server.ts";
import { type CoordinatorSettings, type ResolvedSettings, requireLoopback, resolveSettings } from "./settings.ts";

/** A `nats-server` of the coordinator's own, on this machine. */
export interface EmbeddedNats {
  readonly kind: "embedded";
  /** Private folder for everything that the fleet knows. Made if it is missing. */
  readonly folder: string;
  /** Path of `nats-server`, as the user says; absent: searched. */
  readonly binary?: string;
  /** Folders of programs, as in `PATH` split. */
  readonly searchPath: readonly string[];
  /** The user's cache folder, where the set-up puts `nats-server`. */
  readonly cacheFolder?: string;
  /** Default 127.0.0.1; another one only with `insecure`. */
  readonly host?: string;
  /** 0 (default): a free one. */
  readonly port?: number;
}

/** A cluster that others run. Version, syncing and replication are checked at the start. */
export interface ExternalNats {
  readonly kind: "external";
  /** "nats://host:port". */
  readonly servers: readonly string[];
  readonly credentials?: NatsCredentials;
  /** Copies of each stream. Default 3; 1 for a single server. */
  readonly replicas?: number;
  /** Monitoring ports of the servers, to see whether they sync. */
  readonly monitorUrls?: readonly string[];
  /** Go on although a power cut may lose acknowledged writes. Default false. */
  readonly allowsAsync?: boolean;
}

export interface CoordinatorAddresses {
  readonly name: string;
  /** "host:port". */
  readonly grpc: string;
  /** "http://host:port". */
  readonly http: string;
  readonly natsServers: readonly string[];
  /** Process of the embedded server. */
  readonly natsPid?: number;
}

export interface RunOptions {
  readonly nats: EmbeddedNats | ExternalNats;
  readonly process: ProcessPort;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  /** Called once, when everything listens. */
  readonly onReady?: (addresses: CoordinatorAddresses) => void;
  /** Takes what ended it; default: it is logged. */
  readonly onFailure?: (thrown: unknown) => void;
}

/**
 * Runs a coordinator until it is stopped or a part of it fails; returns the exit code. Settings are checked before
 * anything starts (`invalid-argument`, `precondition-failed` for addresses beyond loopback).
 */
export async function runCoordinator(settings: CoordinatorSettings, options: RunOptions): Promise<ExitCode> {
  const { nats, logger, process, signal, onReady, onFailure } = options;
  const checked = resolveSettings(settings, randomUUID);
  if (nats.kind === "embedded" && !checked.insecure) requireLoopback(nats.host ?? "127.0.0.1");
  if (checked.insecure) {
    logger.warn("INSECURE: callers are not authenticated; anyone who can reach the listeners controls the fleet", {
      grpc: checked.grpc.host,
      http: checked.http.host,
    });
  }
  const run = new CoordinatorRun(checked, nats, logger);
  const ready: Service = {
    name: "ready",
    start: async () => {
      await warnOfFewFiles(run.deviceCount, logger);
      const addresses = run.addresses();
      logger.info("the coordinator is ready", { ...addresses });
      onReady?.(addresses);
    },
    stop: () => Promise.resolve(),
  };
  return await runServices([...run.services(), ready], { process, logger, signal, onFailure });
}

/** The rest of the time to stop is for the store, which may hang. */
const GRPC_GRACE_MS = 3_000;

/** The parts of one run, each made from the ones before it. */
class CoordinatorRun {
  readonly #settings: ResolvedSettings;
  readonly #nats: EmbeddedNats | ExternalNats;
  readonly #logger: Logger;
  #server: EmbeddedNatsServer | undefined;
  #link: NatsLink | undefined;
  #store: StateStore | undefined;
  #coordinator: Coordinator | undefined;
  #grpc: GrpcServer | undefined;
  #http: StatusServer | undefined;

  constructor(settings: ResolvedSettings, nats: EmbeddedNats | ExternalNats, logger: Logger) {
    this.#settings = settings;
    this.#nats = nats;
    this.#logger = logger;
  }

  /** In the order of their start. */
  services(): readonly Service[] {
    const server = this.#nats.kind === "embedded" ? [this.#serverService(this.#nats)] : [];
    return [...server, this.#linkService(), this.#coordinatorService(), this.#httpService(), this.#grpcService()];
  }

  get deviceCount(): number {
    return made(this.#coordinator).deviceCount;
  }

  addresses(): CoordinatorAddresses {
    const coordinator = made(this.#coordinator);
    const { host, port } = made(this.#http).address;
    return {
      name: coordinator.name,
      grpc: made(this.#grpc).target,
      http: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
      natsServers: coordinator.settings.natsServers,
      ...(this.#server === undefined ? {} : { natsPid: this.#server.pid }),
    };
  }

  #serverService(nats: EmbeddedNats): Service {
    return {
      name: "nats-server",
      start: async ({ signal }) => {
        const { folder, binary: named, searchPath, cacheFolder, host, port } = nats;
        const binary = await findNatsServer({ named, searchPath, cacheFolder, signal });
        const options = { binary, folder: join(folder, "nats"), host, port, logger: this.#logger, signal };
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
        const settings =
          nats.kind === "external"
            ? { servers: nats.servers, ...given({ credentials: nats.credentials }) }
            : { servers: [made(this.#server).address.url] };
        const name = `coordinator ${this.#settings.name}`;
        this.#link = await NatsLink.open({ ...settings, name }, { logger: this.#logger, signal });
        this.#store = await openJetstreamStore(this.#link, {
          layout: FLEET_LAYOUT,
          signal,
          ...(nats.kind === "external"
            ? {
                replicas: nats.replicas ?? 3,
                monitorUrls: nats.monitorUrls ?? [],
                allowsAsync: nats.allowsAsync ?? false,
              }
            : { replicas: 1, monitorUrls: [made(this.#server).address.monitorUrl], folder: nats.folder }),
        });
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
        const natsServers =
          this.#settings.natsServers.length > 0
            ? this.#settings.natsServers
            : this.#nats.kind === "external"
              ? this.#nats.servers
              : [made(this.#server).address.url];
        this.#coordinator = createCoordinator(
          { ...this.#settings, natsServers },
          {
            store: made(this.#store),
            logger: this.#logger,
            newId: randomUUID,
            ...(server === undefined ? {} : { requireStorePlace: () => server.requireStreams() }),
          },
        );
        await this.#coordinator.start({ signal });
      },
      ended: () => this.#coordinator?.ended,
      stop: async () => await this.#coordinator?.stop(),
    };
  }

  #httpService(): Service {
    return {
      name: "http",
      start: async () => {
        const coordinator = made(this.#coordinator);
        const { host, port } = coordinator.settings.http;
        this.#http = await startStatusServer({
          host,
          port,
          metrics: coordinator.metrics,
          notReady: () => coordinator.notReady(),
          logger: this.#logger,
        });
      },
      stop: async () => await this.#http?.stop(),
    };
  }

  #grpcService(): Service {
    return {
      name: "grpc",
      start: async () => {
        const coordinator = made(this.#coordinator);
        const { grpc, callsPerSecond } = coordinator.settings;
        this.#grpc = await startGrpcServer({
          ...grpc,
          services: servicesOf(coordinator),
          onRefused: (path) => coordinator.metrics.refused(path),
          quota: { perSecond: callsPerSecond, burst: 4 * callsPerSecond },
          logger: this.#logger,
        });
      },
      stop: async () => await this.#grpc?.stop({ graceMs: GRPC_GRACE_MS }),
    };
  }
}

function made<T>(part: T | undefined): T {
  if (part === undefined) throw new MpoError("internal", "a part is used before the one that it stands on");
  return part;
}
