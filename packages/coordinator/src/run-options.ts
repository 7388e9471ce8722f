import type { Logger, ProcessPort, Tracing } from "@mpo/runtime";
import type { NatsCredentials } from "@mpo/transport";
import type { CodeFlow } from "./http/oidc-routes.ts";
import type { CoordinatorSettings } from "./settings.ts";

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
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 (default): a free one. */
  readonly port?: number;
}

/** A cluster that others run. Version, syncing and replication are checked at the start. */
export interface ExternalNats {
  readonly kind: "external";
  /** "nats://host:port". */
  readonly servers: readonly string[];
  /** For one without identities; else with what a new coordinator fetches the fleet's authority from the store. */
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
  /** "http://host:port", "https://host:port". */
  readonly http: string;
  /** Where people open the console; absent: it is turned off. */
  readonly console?: string;
  readonly natsServers: readonly string[];
  /** Process of the embedded server. */
  readonly natsPid?: number;
}

/** Where a fleet's keys are, and what another authority has issued. Files are read again when they change. */
export interface KeyFiles {
  /** Private folder with the fleet's own. Made at the first start. */
  readonly folder: string;
  /** File with the key that wraps them in the store, where coordinators then share them; absent: the folder is shared. */
  readonly wrappingKeyFile?: string;
  /** Another authority whose certificates of devices are accepted too. */
  readonly clientCa?: {
    /** Its certificate, or several. */
    readonly file: string;
    /** Where its certificates name a device: "spiffe://acme/{tenant}/{device}", "{device}.devices.acme.com". */
    readonly sanPattern: string;
  };
  /** What the listeners show instead of a certificate of the fleet's own authority. */
  readonly listener?: {
    /** The certificate, with that of its issuer after it. */
    readonly certificateFile: string;
    readonly privateKeyFile: string;
  };
}

/** Puts other settings in force while it runs: what retrainings may take, and how devices probe; no others. */
export type AdjustCoordinator = (settings: Pick<CoordinatorSettings, "budget" | "probes">) => void;

export interface RunOptions {
  readonly nats: EmbeddedNats | ExternalNats;
  /** How the fleet's keys are kept; needed unless `insecure`. */
  readonly keys?: KeyFiles;
  /** Folder of the bytes of published models; several coordinators must see the same. Absent: they lie in the store. */
  readonly models?: string | undefined;
  /** Folder of the console's built pages; absent, or with none: they are not part of this installation. */
  readonly consoleFolder?: string | undefined;
  /** How people sign in to the console at the OpenID provider of the settings; absent: they do not. */
  readonly codeFlow?: CodeFlow | undefined;
  /** The program's, for the description of its API. Default "0.0.0". */
  readonly version?: string;
  /** Where to leave what agents and commands of the same user on this machine need, by the port. */
  readonly localJoinFile?: (port: number) => string;
  readonly process: ProcessPort;
  readonly logger: Logger;
  /** Default: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  readonly signal?: AbortSignal;
  /** Called at SIGHUP; true: it has been seen to. Default: it stops the coordinator. */
  readonly onHangUp?: (() => boolean) | undefined;
  /** Called at each turn of the work, with the time within which the next comes. */
  readonly onTurn?: ((nextWithinMs: number) => void) | undefined;
  /** Called once, when everything listens. */
  readonly onReady?: (addresses: CoordinatorAddresses, adjust: AdjustCoordinator) => void;
  /** Takes what ended it; default: it is logged. */
  readonly onFailure?: (thrown: unknown) => void;
}
