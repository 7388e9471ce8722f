import {
  type CertifiedKey,
  COORDINATOR_NAME,
  createCertificateAuthority,
  createCsr,
  createDeviceKey,
  deviceOfCertificate,
  issueDeviceCertificate,
  issueServerCertificate,
  readCsr,
} from "@mpo/identity";
import type { Identify } from "../grpc/call-context.ts";
import { fleetService, type GrpcServer, type GrpcServerOptions, startGrpcServer } from "../grpc/grpc-server.ts";
import type { TlsIdentity, TlsSource, TlsTrust } from "../grpc/tls-source.ts";
import type { Ends } from "../testing/nats-room.ts";
import { handlers, IDENTITY } from "./grpc-room.ts";

const DAY_MS = 86_400_000;

/** When a certificate is made, and for how long: now, for a week. */
interface Times {
  readonly nowMs?: number;
  readonly lifetimeMs?: number;
}

/** A source whose certificates a test exchanges. */
export class ChangingSource<Material extends TlsTrust> implements TlsSource<Material> {
  readonly #listeners = new Set<() => void>();
  #material: Material;

  constructor(material: Material) {
    this.#material = material;
  }

  current(): Material {
    return this.#material;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  change(material: Material): void {
    this.#material = material;
    for (const listener of this.#listeners) listener();
  }
}

/** The authority of a test's fleet. */
export class Authority {
  readonly #key: CertifiedKey;

  private constructor(key: CertifiedKey) {
    this.#key = key;
  }

  static async create(): Promise<Authority> {
    return new Authority(await createCertificateAuthority({ fleetId: "test", nowMs: Date.now() - 30 * DAY_MS }));
  }

  get caPem(): string {
    return this.#key.certificatePem;
  }

  async server({ nowMs = Date.now(), ...times }: Times = {}, dnsNames = [COORDINATOR_NAME]): Promise<TlsIdentity> {
    return { ...(await issueServerCertificate(this.#key, { dnsNames, nowMs, ...times })), caPem: this.caPem };
  }

  async device({ nowMs = Date.now(), ...times }: Times = {}, name = IDENTITY): Promise<TlsIdentity> {
    const privateKeyPem = await createDeviceKey();
    const { publicKey } = await readCsr(await createCsr(privateKeyPem));
    const certificatePem = await issueDeviceCertificate(this.#key, { ...name, publicKey, nowMs, ...times });
    return { certificatePem, privateKeyPem, caPem: this.caPem };
  }
}

/** Devices by their certificates, people by the token "mpo_ada"; anybody may enrol. */
export const byCertificate: Identify = {
  device: ({ certificate }) => {
    if (certificate === undefined) return undefined;
    const { tenant, device } = deviceOfCertificate(certificate);
    return `${tenant}.${device}`;
  },
  person: ({ bearer }) => (bearer === "mpo_ada" ? { name: "ada" } : undefined),
};

/** A server with TLS that ends with the test. */
export async function startSecure(
  t: Ends,
  material: TlsIdentity | TlsSource,
  options: Partial<GrpcServerOptions> = {},
): Promise<GrpcServer> {
  const tls = "current" in material ? material : new ChangingSource(material);
  const server = await startGrpcServer({
    services: [fleetService(handlers())],
    identify: byCertificate,
    ...options,
    tls,
  });
  t.after(() => server.stop({ graceMs: 0 }));
  return server;
}
