import { FleetKeys } from "@mpo/coordinator";
import { MpoError } from "@mpo/core";
import { type Authority, createAuthority, createNatsAuthority, type RequestedKey } from "@mpo/identity";
import type { Clock } from "@mpo/io";
import { type DeviceIdentity, deviceKey } from "@mpo/protocol";

/** What a certificate says here: TLS, which would check it, is not simulated. */
export interface SimulatedCertificate {
  readonly identity: DeviceIdentity;
  readonly keyDigest: string;
  readonly endsAtMs: number;
}

/** So short that devices renew while everything goes wrong. */
const CERTIFICATE_VALID_MS = 300_000;
const LONG_AGO_MS = 1_700_000_000_000;

/** One for all seeds: what signs what is the same, and making certificates is slow. */
const made: Promise<Authority> = createAuthority({
  ...{ fleetId: "simulated", nats: createNatsAuthority(), nowMs: LONG_AGO_MS },
});

/** The folder with a fleet's keys that its coordinators have mounted. */
export class SharedKeys {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #users = new Set<SimulatedKeys>();
  #authority: Authority;

  private constructor(authority: Authority, clock: Clock, random: () => number) {
    this.#authority = authority;
    this.#clock = clock;
    this.#random = random;
  }

  static async create(clock: Clock, random: () => number): Promise<SharedKeys> {
    return new SharedKeys(await made, clock, random);
  }

  /** The keys as a coordinator that starts now reads them. */
  open(signal: AbortSignal): SimulatedKeys {
    const keys: SimulatedKeys = new SimulatedKeys(this.#authority, {
      ...{ clock: this.#clock, certificateValidMs: CERTIFICATE_VALID_MS, addresses: () => ["sim:1"] },
      save: (next, before) => this.#save(next, before),
    });
    this.#users.add(keys);
    signal.addEventListener("abort", () => this.#users.delete(keys), { once: true });
    return keys;
  }

  /** The epoch that every device must come to. */
  get epoch(): number {
    return new SimulatedKeys(this.#authority, {
      ...{ clock: this.#clock, certificateValidMs: 1, addresses: () => [] },
      save: () => Promise.resolve(),
    }).epoch;
  }

  async #save(next: Authority, before: Authority): Promise<void> {
    if (before !== this.#authority) throw new MpoError("conflict", "another coordinator has changed the keys");
    this.#authority = next;
    // Others look at the folder now and then.
    void this.#clock.sleep(this.#random() * 10_000).then(() => {
      for (const each of this.#users) each.take(next);
    });
  }
}

/** A fleet's real keys, but for certificates: requests and certificates only say what real ones would prove. */
export class SimulatedKeys extends FleetKeys {
  readonly #clock: Clock;

  constructor(authority: Authority, ports: ConstructorParameters<typeof FleetKeys>[1]) {
    super(authority, ports);
    this.#clock = ports.clock;
  }

  override async readRequest(request: Uint8Array): Promise<RequestedKey> {
    return { keyDigest: Buffer.from(request).toString(), publicKey: new Uint8Array() };
  }

  override async issue(
    { keyDigest }: RequestedKey,
    identity: DeviceIdentity,
  ): Promise<{ readonly certificatePem: string; readonly endsAtMs: number }> {
    const endsAtMs = this.#clock.now() + CERTIFICATE_VALID_MS;
    const certificate: SimulatedCertificate = { identity, endsAtMs, keyDigest };
    return { certificatePem: JSON.stringify(certificate), endsAtMs };
  }
}

/** What a device's connection to NATS is let in by. */
export class SimulatedNats {
  #revoked: ReadonlyMap<string, number> = new Map();

  /** As servers take the account: in the place of the one before. */
  push(revocations: ReadonlyMap<string, number>): Promise<void> {
    this.#revoked = revocations;
    return Promise.resolve();
  }

  /** Throws for a device that may not read another's, and for a user whose JWT was made before it was revoked. */
  requireUser(jwt: string | undefined, identity: DeviceIdentity): void {
    const [, body = ""] = jwt?.split(".") ?? [];
    const { sub, iat, name } = JSON.parse(Buffer.from(body, "base64url").toString() || "{}") as {
      readonly sub?: string;
      readonly iat?: number;
      readonly name?: string;
    };
    const revokedMs = this.#revoked.get(sub ?? "");
    const isRevoked = revokedMs !== undefined && (iat ?? 0) <= Math.floor(revokedMs / 1000);
    if (sub === undefined || isRevoked || name !== deviceKey(identity)) {
      throw new MpoError("unauthenticated", "NATS refuses the device");
    }
  }
}
