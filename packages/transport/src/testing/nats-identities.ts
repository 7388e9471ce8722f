import {
  type CertifiedKey,
  createCertificateAuthority,
  createDeviceNkey,
  createNatsAuthority,
  deviceUserJwt,
  issueServerCertificate,
  NATS_NAME,
  type NatsAuthority,
  type NatsClaims,
  type NatsRole,
} from "@mpo/identity";
import { systemClock } from "@mpo/io";
import { deviceInbox, fleetClaims, roleCredentials } from "../nats/fleet-claims.ts";
import type { NatsCredentials, NatsSettings, NatsTls } from "../nats/nats-settings.ts";
import type { ServerIdentities } from "../nats/server/server-config.ts";

const QUICK = { reconnectBaseMs: 20, reconnectCapMs: 200, requestTimeoutMs: 1500 };

type DeviceSettings = NatsSettings & {
  readonly publicNkey: string;
  readonly credentials: NatsCredentials & { readonly kind: "jwt" };
  readonly tls: NatsTls;
};

/** A fleet's identities for NATS, as a coordinator holds them. */
export class TestIdentities implements ServerIdentities {
  readonly authority: NatsAuthority = createNatsAuthority();
  /** When users were revoked. */
  readonly revocations = new Map<string, number>();
  readonly #ca: CertifiedKey;
  readonly #listeners = new Set<() => void>();
  #pair: CertifiedKey;

  private constructor(ca: CertifiedKey, pair: CertifiedKey) {
    this.#ca = ca;
    this.#pair = pair;
  }

  static async make(): Promise<TestIdentities> {
    const ca = await createCertificateAuthority({ fleetId: "test", nowMs: Date.now() });
    return new TestIdentities(ca, await issue(ca));
  }

  /** What a server is started with: as a coordinator that cannot have read its store. */
  readonly claims = (): NatsClaims => fleetClaims(this.authority, { fleetId: "test", nowMs: Date.now() });

  /** What is pushed. */
  revokedClaims(): NatsClaims {
    const { authority, revocations } = this;
    return fleetClaims(authority, { fleetId: "test", nowMs: Date.now(), revocations });
  }

  readonly tls = {
    current: () => ({ ...this.#pair, caPem: this.#ca.certificatePem }),
    onChange: (listener: () => void) => {
      this.#listeners.add(listener);
      return () => {
        this.#listeners.delete(listener);
      };
    },
  };

  get certificatePem(): string {
    return this.#pair.certificatePem;
  }

  async renewCertificate(): Promise<void> {
    this.#pair = await issue(this.#ca);
    for (const listener of this.#listeners) listener();
  }

  /** How the fleet's own processes connect. */
  role(url: string, role: NatsRole): NatsSettings {
    return { ...this.#common(url), name: role, credentials: roleCredentials(this.authority, role, systemClock) };
  }

  /** How a new device connects. Its JWTs last `lifetimeMs` from each connection on. */
  device(url: string, key: string, lifetimeMs = 60_000): DeviceSettings {
    const { seed, publicKey: publicNkey } = createDeviceNkey();
    const jwt = (): string => {
      const nowMs = Date.now();
      return deviceUserJwt(this.authority, { key, publicNkey, nowMs, expiresAtMs: nowMs + lifetimeMs });
    };
    const credentials = { kind: "jwt", seed, jwt } as const;
    return { ...this.#common(url), name: key, inboxPrefix: deviceInbox(key), credentials, publicNkey };
  }

  #common(url: string): Omit<NatsSettings, "name"> & { readonly tls: NatsTls } {
    return { servers: [url], ...QUICK, tls: { caPem: () => this.#ca.certificatePem, serverName: NATS_NAME } };
  }
}

async function issue(ca: CertifiedKey): Promise<CertifiedKey> {
  return await issueServerCertificate(ca, { dnsNames: [NATS_NAME], nowMs: Date.now() });
}
