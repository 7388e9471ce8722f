import { join } from "node:path";
import { given, MpoError } from "@mpo/core";
import {
  type Authority,
  NATS_NAME,
  RenewingCertificate,
  readAuthority,
  readWrappingKey,
  trustedCertificates,
  unwrapAuthority,
  writeAuthority,
} from "@mpo/identity";
import type { Clock } from "@mpo/io";
import type { Logger, Service } from "@mpo/runtime";
import {
  checkNatsIdentities,
  NatsLink,
  pushAccount,
  roleCredentials,
  type ServerIdentities,
  type StateStore,
  type TlsSource,
} from "@mpo/transport";
import { authorityIn, foundAuthority, replaceIn } from "./identity/authority-folder.ts";
import { ExternalFiles } from "./identity/external-files.ts";
import { fetchAuthority } from "./identity/fetch-authority.ts";
import { FleetKeys } from "./identity/fleet-keys.ts";
import { replaceInStore, sharedAuthority, wrappedAuthorities } from "./identity/stored-authority.ts";
import { watchFiles } from "./identity/watch-files.ts";
import type { EmbeddedNats, ExternalNats, KeyFiles } from "./run-options.ts";

export interface IdentityOptions extends KeyFiles {
  /** A cluster of others knows one authority: none is made for it here. */
  readonly nats: EmbeddedNats | ExternalNats;
  readonly certificateValidMs: number;
  /** Where this coordinator is reached, "host:port". */
  readonly addresses: () => readonly string[];
  /** By which hosts people reach it with a browser. */
  readonly hosts: readonly string[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** By what one run of a coordinator proves itself, and vouches for its fleet. */
export class RunIdentity {
  readonly #options: IdentityOptions;
  readonly #wrappingKey: Uint8Array | undefined;
  #store: StateStore | undefined;
  readonly keys: FleetKeys;
  /** What its NATS server shows, and its listeners unless they were given another. */
  readonly tls: RenewingCertificate;
  readonly #external: ExternalFiles;

  private constructor(
    options: IdentityOptions,
    wrappingKey: Uint8Array | undefined,
    external: ExternalFiles,
    { keys, tls }: Pick<RunIdentity, "keys" | "tls">,
  ) {
    this.#options = options;
    this.#wrappingKey = wrappingKey;
    this.#external = external;
    this.keys = keys;
    this.tls = tls;
  }

  /** Reads the fleet's keys, or makes them. Throws `precondition-failed` or `invalid-data` for keys that must not be used. */
  static async open(options: IdentityOptions, signal?: AbortSignal): Promise<RunIdentity> {
    const { wrappingKeyFile, certificateValidMs, addresses, hosts, clock, random, logger } = options;
    const wrappingKey = wrappingKeyFile === undefined ? undefined : await readWrappingKey(wrappingKeyFile, { signal });
    const authority = await firstAuthority(options, wrappingKey, signal);
    // Of the object that is made below: it is called when something is saved, long after.
    const save = (next: Authority, before: Authority): Promise<void> => made.#save(next, before);
    const external = await ExternalFiles.open(options, signal);
    const { foreignDevice, listenerAuthority } = external;
    const ports = { clock, certificateValidMs, addresses, hosts, foreignDevice, listenerAuthority, save };
    const keys = new FleetKeys(authority, ports);
    const tls = await RenewingCertificate.create(
      {
        ...{ clock, random },
        issue: () => keys.issueServer(),
        onFailure: (err) => logger.error("the coordinator's certificate could not be renewed", { err }),
      },
      signal,
    );
    const made: RunIdentity = new RunIdentity(options, wrappingKey, external, { keys, tls });
    return made;
  }

  /** What a NATS server of its own must know. */
  get natsServer(): ServerIdentities {
    return { claims: () => this.keys.claims(), tls: this.tls };
  }

  /** What its listeners show, and whom they believe. */
  get listenerTls(): TlsSource {
    return this.#external.listenerTls(this.tls);
  }

  /** How its links to NATS are made. */
  linkSettings(role: "coordinator" | "system") {
    return {
      credentials: roleCredentials(this.keys.authority.nats, role, this.#options.clock),
      tls: { caPem: () => trustedCertificates(this.keys.authority), serverName: NATS_NAME },
    };
  }

  /** What is wrong where servers of others refused this coordinator, or were refused; undefined: something else. */
  refusalOf(thrown: unknown): MpoError | undefined {
    const error = MpoError.from(thrown);
    if (error.code !== "unauthenticated" && !/certificate/u.test(error.message)) return undefined;
    const { fleetId } = this.keys.authority;
    return error.with({
      code: "precondition-failed",
      message: `${error.message}; its servers are set up for another fleet than ${fleetId}, whose authority is in the folder`,
      hint: "Mount the authority's folder that its other coordinators use, or set the servers up for this: mpo nats setup.",
    });
  }

  /** Gives NATS the account of devices, with those that are revoked. */
  async pushRevocations(
    servers: readonly string[],
    revocations: ReadonlyMap<string, number>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const push = (link: NatsLink): Promise<void> => pushAccount(link, this.keys.claims(revocations), { signal });
    await this.#asSystem(servers, push, signal);
  }

  /** Checks that NATS servers of others let in whom they should, and nobody else. */
  async check(coordinator: NatsLink, servers: readonly string[], signal: AbortSignal): Promise<void> {
    const check = (system: NatsLink): Promise<void> =>
      checkNatsIdentities({ coordinator, system }, this.keys.claims(), { signal });
    await this.#asSystem(servers, check, signal);
  }

  /** Takes over the authority that the store's coordinators share. */
  async share(store: StateStore, signal: AbortSignal): Promise<void> {
    this.#store = store;
    await this.#take(await sharedAuthority(store, this.keys.authority, this.#wrappingKey, { signal }));
  }

  /** Keeps its certificate good. */
  service(): Service {
    return service("identity", async (signal) => {
      const off = this.keys.onChange(() => {
        this.tls.renew(signal).catch((err: unknown) => {
          if (!signal.aborted)
            this.#options.logger.error("the coordinator's certificate could not be renewed", { err });
        });
      });
      const offFiles = this.#external.onChange(() => this.keys.refresh());
      await Promise.all([this.tls.run(signal), this.#external.run(signal)]);
      off();
      offFiles();
    });
  }

  /** Follows what other coordinators change. */
  followService(): Service {
    return service("authority", (signal) => this.#follow(signal));
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { folder, clock, logger } = this.#options;
    const follow = async (read: () => Authority | Promise<Authority>): Promise<void> => {
      try {
        if (await this.#take(await read())) logger.info("another coordinator has changed the fleet's keys");
      } catch (err) {
        if (!signal.aborted)
          logger.error("the fleet's keys were changed to what is of no use; those before stay", { err });
      }
    };
    const [store, key] = [this.#store, this.#wrappingKey];
    if (store === undefined || key === undefined) {
      const read = (): Promise<Authority> => readAuthority(folder, { signal });
      return await watchFiles([join(folder, "authority.json")], { clock, signal }, () => follow(read));
    }
    for await (const bytes of wrappedAuthorities(store, signal)) await follow(() => unwrapAuthority(bytes, key));
  }

  async #take(authority: Authority): Promise<boolean> {
    const isNewer = this.keys.take(authority);
    // To reach the store at the next start, it must know what NATS knows then.
    if (isNewer && this.#wrappingKey !== undefined) await writeAuthority(this.#options.folder, authority);
    return isNewer;
  }

  async #save(next: Authority, before: Authority): Promise<void> {
    const { folder, clock } = this.#options;
    if (this.#store === undefined || this.#wrappingKey === undefined)
      return await replaceIn(folder, before, next, { clock });
    await replaceInStore(this.#store, before, next, this.#wrappingKey);
    await writeAuthority(folder, next);
  }

  async #asSystem(
    servers: readonly string[],
    work: (link: NatsLink) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { logger } = this.#options;
    const link = await NatsLink.open(
      { servers, name: "coordinator, system", ...this.linkSettings("system") },
      { logger, ...given({ signal }) },
    );
    try {
      await work(link);
    } finally {
      await link.close();
    }
  }
}

async function firstAuthority(
  { folder, nats, clock, logger }: IdentityOptions,
  wrappingKey: Uint8Array | undefined,
  signal: AbortSignal | undefined,
): Promise<Authority> {
  if (nats.kind === "embedded") {
    const { authority, isNew } = await authorityIn(folder, { clock, signal });
    if (isNew) logger.info("made the keys of a new fleet: keep a copy of this folder", { folder });
    return authority;
  }
  const found = await foundAuthority(folder, { signal });
  if (found !== undefined) return found;
  const fetched = await fetchAuthority(nats, wrappingKey, { logger, signal });
  await writeAuthority(folder, fetched, { signal });
  logger.info("took over the keys of the fleet whose store this is", { folder });
  return fetched;
}

/** Work that goes on from start to stop. */
function service(name: string, work: (signal: AbortSignal) => Promise<void>): Service {
  const ends = new AbortController();
  let working: Promise<void> | undefined;
  return {
    name,
    start: async () => {
      working = work(ends.signal);
    },
    ended: () => working,
    stop: async () => {
      ends.abort();
      await working;
    },
  };
}
