import { join } from "node:path";
import { given } from "@mpo/core";
import { type Authority, NATS_NAME, RenewingCertificate, readWrappingKey, writeAuthority } from "@mpo/identity";
import type { Clock } from "@mpo/io";
import type { Logger, Service } from "@mpo/runtime";
import {
  checkNatsIdentities,
  type NatsCredentials,
  NatsLink,
  pushAccount,
  roleCredentials,
  type ServerIdentities,
  type StateStore,
} from "@mpo/transport";
import { FleetKeys } from "./identity/fleet-keys.ts";
import { authorityIn, sharedAuthority, storeAuthority, storedAuthorities } from "./identity/keep-authority.ts";

export interface IdentityOptions {
  /** Private folder with the fleet's keys. Made at the first start. */
  readonly folder: string;
  /** File with the key that wraps them in the store, which then is where coordinators share them; absent: the folder is. */
  readonly wrappingKeyFile?: string | undefined;
  readonly certificateValidMs: number;
  /** Where this coordinator is reached, "host:port". */
  readonly addresses: () => readonly string[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** By what one run of a coordinator proves itself, and vouches for its fleet. */
export class RunIdentity {
  readonly #options: IdentityOptions;
  readonly #wrappingKey: Uint8Array | undefined;
  readonly #ends = new AbortController();
  #tasks: Promise<unknown> = Promise.resolve();
  #store: StateStore | undefined;
  readonly keys: FleetKeys;
  /** What its listeners and its NATS server show. */
  readonly tls: RenewingCertificate;

  private constructor(
    options: IdentityOptions,
    wrappingKey: Uint8Array | undefined,
    { keys, tls }: Pick<RunIdentity, "keys" | "tls">,
  ) {
    this.#options = options;
    this.#wrappingKey = wrappingKey;
    this.keys = keys;
    this.tls = tls;
  }

  /** Reads the fleet's keys, or makes them. Throws `precondition-failed` or `invalid-data` for keys that must not be used. */
  static async open(options: IdentityOptions, signal?: AbortSignal): Promise<RunIdentity> {
    const { folder, wrappingKeyFile, certificateValidMs, addresses, clock, random, logger } = options;
    const wrappingKey = wrappingKeyFile === undefined ? undefined : await readWrappingKey(wrappingKeyFile, { signal });
    const { authority, isNew } = await authorityIn(folder, { clock, signal });
    if (isNew) logger.info("made the keys of a new fleet: keep a copy of this folder", { folder });
    // Of the object that is made below: it is called when something is saved, long after.
    const save = (next: Authority): Promise<void> => made.#save(next);
    const keys = new FleetKeys(authority, { clock, certificateValidMs, addresses, save });
    const tls = await RenewingCertificate.create(
      {
        ...{ clock, random },
        issue: () => keys.issueServer(),
        onFailure: (err) => logger.error("the coordinator's certificate could not be renewed", { err }),
      },
      signal,
    );
    const made: RunIdentity = new RunIdentity(options, wrappingKey, { keys, tls });
    return made;
  }

  /** What a NATS server of its own must know. */
  get natsServer(): ServerIdentities {
    return { claims: () => this.keys.claims(), tls: this.tls };
  }

  /** How its links to NATS are made. */
  linkSettings(role: "coordinator" | "system", credentials?: NatsCredentials) {
    return {
      credentials: credentials ?? roleCredentials(this.keys.authority.nats, role, this.#options.clock),
      tls: { caPem: () => this.keys.trust.authoritiesPem, serverName: NATS_NAME },
    };
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
    const shared = await sharedAuthority(store, this.keys.authority, this.#wrappingKey, { signal });
    if (shared === this.keys.authority) return;
    this.keys.take(shared);
    await this.tls.renew(signal);
  }

  /** Keeps its certificate good, and follows what other coordinators change. */
  service(): Service {
    return {
      name: "identity",
      start: () => {
        const { signal } = this.#ends;
        this.keys.onChange(() => {
          this.tls.renew(signal).catch((err: unknown) => {
            if (!signal.aborted)
              this.#options.logger.error("the coordinator's certificate could not be renewed", { err });
          });
        });
        this.#tasks = Promise.all([this.tls.run(signal), this.#follow(signal)]);
        return Promise.resolve();
      },
      ended: () => this.#tasks.then(() => undefined),
      stop: async () => {
        this.#ends.abort();
        await this.#tasks;
      },
    };
  }

  async #follow(signal: AbortSignal): Promise<void> {
    if (this.#store === undefined || this.#wrappingKey === undefined) {
      await new Promise((resolve) => {
        if (signal.aborted) resolve(undefined);
        signal.addEventListener("abort", resolve, { once: true });
      });
      return;
    }
    for await (const authority of storedAuthorities(this.#store, this.#wrappingKey, signal)) this.keys.take(authority);
  }

  async #save(authority: Authority): Promise<void> {
    await writeAuthority(this.#options.folder, authority);
    if (this.#store !== undefined && this.#wrappingKey !== undefined) {
      await storeAuthority(this.#store, authority, this.#wrappingKey);
    }
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

/** Where an embedded store's keys lie. */
export function authorityFolder(data: string): string {
  return join(data, "authority");
}
