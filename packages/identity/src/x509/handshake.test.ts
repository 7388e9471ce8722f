import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { before, describe, it } from "node:test";
import { connect, createServer, type TLSSocket, type TlsOptions } from "node:tls";
import {
  type CertifiedKey,
  createCertificateAuthority,
  issueDeviceCertificate,
  issueServerCertificate,
} from "./certificate-authority.ts";
import { createCsr, readCsr } from "./certificate-request.ts";
import { createKey } from "./key.ts";
import { COORDINATOR_NAME, NATS_NAME } from "./names.ts";
import { certificatesOf, deviceOfCertificate, fingerprintOf, isIssuedBy } from "./read-certificate.ts";

const HOUR_MS = 3_600_000;
/** TLS reads the machine's clock. */
const NOW_MS = Date.now();

interface Seen {
  /** What the server made of its client; undefined: it refused the client, or was refused. */
  readonly device: string | undefined;
  readonly refusedByServer: string | undefined;
  readonly refusedByClient: string | undefined;
}

describe("over TLS 1.3", { timeout: 60_000 }, () => {
  let fleet: CertifiedKey;
  let foreign: CertifiedKey;
  let server: CertifiedKey;
  let device: CertifiedKey;

  before(async () => {
    fleet = await createCertificateAuthority({ fleetId: "home", nowMs: NOW_MS - 48 * HOUR_MS });
    foreign = await createCertificateAuthority({ fleetId: "home", nowMs: NOW_MS - 48 * HOUR_MS });
    server = await issueServerCertificate(fleet, { dnsNames: [COORDINATOR_NAME], nowMs: NOW_MS });
    device = await deviceOf(fleet);
  });

  it("a device of the fleet is known by its name, and one without a certificate is nobody", async () => {
    assert.deepEqual(await handshake(), { device: "pi", refusedByServer: undefined, refusedByClient: undefined });
    const anonymous = await handshake({ client: undefined });
    assert.deepEqual(anonymous, { device: "nobody", refusedByServer: undefined, refusedByClient: undefined });
  });

  it("a server is refused that has another name, another authority, or a time that is over or to come", async () => {
    const issue = (authority: CertifiedKey, nowMs: number, name = COORDINATOR_NAME): Promise<CertifiedKey> =>
      issueServerCertificate(authority, { dnsNames: [name], nowMs, lifetimeMs: HOUR_MS });
    const cases: readonly (readonly [CertifiedKey, string])[] = [
      [await issue(fleet, NOW_MS, NATS_NAME), "ERR_TLS_CERT_ALTNAME_INVALID"],
      [await issue(foreign, NOW_MS), "SELF_SIGNED_CERT_IN_CHAIN"],
      [await issue(fleet, NOW_MS - 2 * HOUR_MS), "CERT_HAS_EXPIRED"],
      [await issue(fleet, NOW_MS + 2 * HOUR_MS), "CERT_NOT_YET_VALID"],
      [device, "INVALID_PURPOSE"],
    ];
    for (const [server, code] of cases) {
      assert.equal((await handshake({ server })).refusedByClient, code);
    }
  });

  it("a client is refused whose certificate is of another authority, over, to come, or a server's", async () => {
    const cases: readonly (readonly [CertifiedKey, RegExp])[] = [
      [await deviceOf(foreign), /SELF_SIGNED_CERT_IN_CHAIN/u],
      [await deviceOf(fleet, NOW_MS - 2 * HOUR_MS), /CERT_HAS_EXPIRED/u],
      [await deviceOf(fleet, NOW_MS + 2 * HOUR_MS), /CERT_NOT_YET_VALID/u],
      [server, /INVALID_PURPOSE/u],
    ];
    for (const [client, says] of cases) {
      const { device, refusedByServer } = await handshake({ client });
      assert.equal(device, undefined);
      assert.match(refusedByServer ?? "", says);
    }
  });

  it("a certificate without its key is of no use", async () => {
    const stolen = { certificatePem: device.certificatePem, privateKeyPem: await createKey() };
    await assert.rejects(handshake({ client: stolen }), /key values mismatch/u);
  });

  it("authorities that follow each other are trusted side by side", async () => {
    const next = await createCertificateAuthority({ fleetId: "home", nowMs: NOW_MS });
    const trusted = next.certificatePem + fleet.certificatePem;
    const renewed = await issueServerCertificate(next, { dnsNames: [COORDINATOR_NAME], nowMs: NOW_MS });
    for (const [server_, client] of [
      [server, device],
      [renewed, device],
      [server, await deviceOf(next)],
      [renewed, await deviceOf(next)],
    ] as const) {
      assert.equal((await handshake({ server: server_, client, trusted })).device, "pi");
    }
  });

  it("one who joins finds the authority in the chain, and checks it by its fingerprint", async () => {
    const listening = await listen({ ...pairOf(server) });
    const socket = connect({ port: listening.port, host: "127.0.0.1", rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const leaf = socket.getPeerCertificate(true);
    const above = leaf.issuerCertificate.raw;
    socket.destroy();
    await listening.close();
    assert.equal(fingerprintOf(above), fingerprintOf(fleet.certificatePem));
    assert.ok(isIssuedBy(leaf.raw, above));
    assert.ok(!isIssuedBy(leaf.raw, certificatesOf(foreign.certificatePem)[0]?.raw as Buffer));
  });

  async function handshake(
    parts: {
      readonly server?: CertifiedKey;
      readonly client?: CertifiedKey | undefined;
      readonly trusted?: string;
    } = {},
  ): Promise<Seen> {
    const { trusted = fleet.certificatePem } = parts;
    const client = "client" in parts ? parts.client : device;
    const listening = await listen({ ...pairOf(parts.server ?? server), ca: trusted, requestCert: true });
    const options = { port: listening.port, host: "127.0.0.1", servername: COORDINATOR_NAME, ca: trusted };
    let refusedByClient: string | undefined;
    try {
      const socket = connect({ ...options, ...(client === undefined ? {} : pairOf(client)) });
      await once(socket, "secureConnect").then(
        () => assert.equal(socket.getProtocol(), "TLSv1.3"),
        (thrown: unknown) => {
          refusedByClient = (thrown as { code: string }).code;
        },
      );
      socket.on("error", () => undefined).end();
      const { device, refusedByServer } = await listening.seen;
      return { device, refusedByServer, refusedByClient };
    } finally {
      await listening.close();
    }
  }
});

interface Listening {
  readonly port: number;
  readonly seen: Promise<Omit<Seen, "refusedByClient">>;
  close(): Promise<void>;
}

/** A server that asks for a certificate, takes none as well, and refuses one that does not hold. */
async function listen(options: TlsOptions): Promise<Listening> {
  const server = createServer({ ...options, minVersion: "TLSv1.3", rejectUnauthorized: false });
  const seen = new Promise<Omit<Seen, "refusedByClient">>((resolve) => {
    server.on("tlsClientError", () => resolve({ device: undefined, refusedByServer: undefined }));
    server.on("secureConnection", (socket: TLSSocket) => {
      socket.on("error", () => undefined).end();
      const { raw } = socket.getPeerCertificate() as { readonly raw?: Buffer };
      if (raw === undefined) resolve({ device: "nobody", refusedByServer: undefined });
      else if (socket.authorized) resolve({ device: deviceOfCertificate(raw).device, refusedByServer: undefined });
      else resolve({ device: undefined, refusedByServer: String(socket.authorizationError) });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function deviceOf(authority: CertifiedKey, nowMs = NOW_MS): Promise<CertifiedKey> {
  const privateKeyPem = await createKey();
  const request = await readCsr(await createCsr(privateKeyPem));
  const certificatePem = await issueDeviceCertificate(authority, {
    ...request,
    tenant: "default",
    device: "pi",
    nowMs,
    lifetimeMs: HOUR_MS,
  });
  return { certificatePem, privateKeyPem };
}

function pairOf({ certificatePem, privateKeyPem }: CertifiedKey): { readonly cert: string; readonly key: string } {
  return { cert: certificatePem, key: privateKeyPem };
}
