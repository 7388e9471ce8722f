import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import {
  type CertifiedKey,
  COORDINATOR_NAME,
  createCertificateAuthority,
  createCsr,
  createDeviceNkey,
  fingerprintOf,
  issueDeviceCertificate,
  issueServerCertificate,
  NATS_NAME,
  readCsr,
  readJoinString,
} from "@mpo/identity";
import { createLogger } from "@mpo/runtime";
import { createFleetClient, type FleetClient, fetchChain, NatsLink, steadyTls } from "@mpo/transport";
import type { KeyFiles } from "./run-options.ts";
import { device, eventually, helloOf, identityOf, open, type Room, skip } from "./test-support/coordinator-room.ts";

async function temporary(t: { after(end: () => Promise<void>): unknown }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-external-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** An authority of others, with one below it that issues. */
class Acme {
  readonly #folder: string;
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async make(): Promise<this> {
    await writeFile(join(this.#folder, "conf"), "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=Acme\n");
    const isAuthority = [
      "basicConstraints=critical,CA:TRUE",
      "keyUsage=critical,keyCertSign",
      "subjectKeyIdentifier=hash",
    ];
    this.#sign("root", isAuthority);
    this.#sign("below", isAuthority, "root");
    return this;
  }

  get root(): string {
    return join(this.#folder, "root.pem");
  }

  /** A device's, with the authority below the root after it. */
  async device(names: string, keyOptions?: readonly string[]): Promise<CertifiedKey> {
    const name = `device-${this.#count++}`;
    this.#sign(
      name,
      [`subjectAltName=${names}`, "extendedKeyUsage=clientAuth", "basicConstraints=CA:FALSE"],
      "below",
      keyOptions,
    );
    const read = (file: string): Promise<string> => readFile(join(this.#folder, file), "utf8");
    return {
      certificatePem: (await read(`${name}.pem`)) + (await read("below.pem")),
      privateKeyPem: await read(`${name}.key`),
    };
  }

  #sign(
    name: string,
    extensions: readonly string[],
    by?: string,
    keyOptions: readonly string[] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  ): void {
    const issuer = by === undefined ? [] : ["-CA", `${by}.pem`, "-CAkey", `${by}.key`];
    const added = extensions.flatMap((extension) => ["-addext", extension]);
    const files = ["-keyout", `${name}.key`, "-out", `${name}.pem`, "-subj", `/CN=Acme ${name}`];
    const how = ["-x509", "-config", "conf", "-days", "30", "-nodes", "-newkey", ...keyOptions];
    execFileSync("openssl", ["req", ...how, ...files, ...issuer, ...added], { cwd: this.#folder, stdio: "ignore" });
  }
}

/** A device that brings a certificate: it asks for none. */
function foreign(t: TestContext, room: Room, pair: CertifiedKey, name: string) {
  const nkey = createDeviceNkey();
  const material = { ...pair, caPem: room.local.caPem };
  const tls = steadyTls(() => material);
  const client: FleetClient = createFleetClient({ targets: [room.addresses.grpc], tls, retries: 0 });
  t.after(() => client.close());
  const { inventory, labels } = helloOf(name);
  const asking = { identity: identityOf(name), inventory, labels, natsPublicKey: nkey.publicKey };
  return { client, nkey, join: (joinToken?: string) => client.enroll({ ...asking, ...(joinToken && { joinToken }) }) };
}

const digestOf = ({ certificatePem }: CertifiedKey): Promise<string> =>
  crypto.subtle
    .digest("SHA-256", new X509Certificate(certificatePem).publicKey.export({ type: "spki", format: "der" }))
    .then((hash) => Buffer.from(hash).toString("hex"));

void describe("devices with certificates of another authority", { skip, timeout: 120_000 }, () => {
  const ends: (() => Promise<void>)[] = [];
  let acme: Acme;
  before(async () => {
    acme = await new Acme(await temporary({ after: (end) => ends.push(end) })).make();
  });
  after(async () => {
    for (const end of ends) await end();
  });

  const start = (t: TestContext, sanPattern: string): Promise<Room> =>
    open(t, undefined, {}, { keys: { clientCa: { file: acme.root, sanPattern } } });

  void it("wait to be accepted, are served on both wires, and are off when they are revoked", async (t) => {
    const room = await start(t, "spiffe://acme/{tenant}/{device}");
    const pair = await acme.device("URI:spiffe://acme/default/cam,DNS:cam.acme.com");
    const cam = foreign(t, room, pair, "cam");
    await assert.rejects(cam.client.hello(helloOf("cam")), { code: "unauthenticated" });
    assert.equal((await cam.join()).state, "pending");
    await assert.rejects(cam.client.hello(helloOf("cam")), { code: "permission-denied" });
    const { enrolments } = await room.admin.listEnrolments({ tenant: "default", state: "pending", pageSize: 10 });
    assert.deepEqual(
      enrolments.map(({ identity, keyDigest }) => [identity.device, keyDigest]),
      [["cam", await digestOf(pair)]],
    );
    const decide = { identity: identityOf("cam"), reason: "" };
    await room.admin.decideEnrolment({ ...decide, decision: "accepted", keyDigest: await digestOf(pair) });
    const { credentials, identity } = await cam.join();
    assert.deepEqual([identity.device, credentials?.certificatePem], ["cam", undefined]);
    const { natsJwt = "", authoritiesPem = "" } = credentials ?? {};
    const { natsServers } = await cam.client.hello(helloOf("cam"));
    await assert.rejects(cam.client.hello(helloOf("other")), { code: "unauthenticated", message: /speaks for/u });
    const nats = {
      ...{ servers: natsServers, name: "cam", inboxPrefix: "_INBOX.x" },
      credentials: { kind: "jwt", jwt: () => natsJwt, seed: cam.nkey.seed } as const,
      tls: { caPem: () => authoritiesPem, serverName: NATS_NAME },
    };
    await (await NatsLink.open(nats)).close();
    await room.admin.decideEnrolment({ ...decide, decision: "revoked" });
    await assert.rejects(cam.client.hello(helloOf("cam")), { code: "permission-denied" });
    await assert.rejects(cam.join(), { code: "permission-denied" });
    await assert.rejects(NatsLink.open(nats), { code: "unauthenticated" });
  });

  void it("are let in by their keys, or a token, of any kind of key", async (t) => {
    const room = await start(t, "{device}.devices.acme.com");
    const pair = await acme.device("DNS:Cam.devices.acme.com", ["rsa:2048"]);
    await room.admin.preauthoriseDevices({
      ...{ tenant: "default", devices: [{ identity: identityOf("cam"), keyDigest: await digestOf(pair), labels: [] }] },
    });
    assert.equal((await foreign(t, room, pair, "cam").join()).state, "accepted");
    const { secret } = readJoinString(room.local.joinString);
    const dial = foreign(t, room, await acme.device("DNS:dial.devices.acme.com"), "whatever");
    assert.equal((await dial.join(secret)).identity.device, "dial");
    const { joinStrings } = await room.admin.createJoinTokens({
      ...{ tenant: "default", count: 1, uses: 1, validMs: 60_000, labels: [], isAccepting: true, device: "tap" },
    });
    const named = readJoinString(joinStrings[0] ?? "").secret;
    const lamp = foreign(t, room, await acme.device("DNS:lamp.devices.acme.com"), "tap");
    await assert.rejects(lamp.join(named), { code: "unauthenticated", message: /token is not for device lamp/u });
    // Another key of the same name is another device.
    const copy = foreign(t, room, await acme.device("DNS:dial.devices.acme.com"), "dial");
    await assert.rejects(copy.join(), { code: "already-exists" });
    await assert.rejects(copy.client.hello(helloOf("dial")), { code: "unauthenticated" });
  });

  void it("are nobody with names of another form, or of an authority that nobody has named", async (t) => {
    const room = await start(t, "spiffe://acme/{tenant}/{device}");
    const cam = await device(t, room, "cam");
    const { credentials } = await cam.join(readJoinString(room.local.joinString).secret);
    assert.ok(credentials?.certificatePem, "devices of our own authority join as before");
    for (const names of [
      "URI:mpo://device/default/cam",
      "DNS:cam.acme.com",
      "URI:spiffe://acme/default/a,URI:spiffe://acme/default/b",
      "URI:spiffe://acme.evil/default/cam",
    ]) {
      const stranger = foreign(t, room, await acme.device(names), "cam");
      await assert.rejects(stranger.join(), { code: "unauthenticated" }, names);
      await assert.rejects(stranger.client.hello(helloOf("cam")), { code: "unauthenticated" }, names);
    }
    const others = await new Acme(await temporary(t)).make();
    const stranger = foreign(t, room, await others.device("URI:spiffe://acme/default/cam"), "cam");
    await assert.rejects(stranger.join());
    assert.equal((await room.admin.listEnrolments({ tenant: "default", pageSize: 10 })).enrolments.length, 1);
    for (const sanPattern of [
      "spiffe://acme/{tenant}",
      "mpo://device/{tenant}/{device}",
      "{device}.{device}",
      "{name}/{device}",
    ]) {
      await assert.rejects(start(t, sanPattern), { code: "invalid-argument" }, sanPattern);
    }
  });
});

const DAY_MS = 86_400_000;

interface Listener {
  readonly authority: CertifiedKey;
  readonly files: NonNullable<KeyFiles["listener"]>;
  write(pair: Partial<CertifiedKey>): Promise<void>;
  issue(options?: { readonly nowMs?: number; readonly name?: string }): Promise<CertifiedKey>;
}

async function listener(t: TestContext): Promise<Listener> {
  const folder = join(await temporary(t), "tls");
  await mkdir(folder, { mode: 0o700 });
  const files = { certificateFile: join(folder, "tls.pem"), privateKeyFile: join(folder, "tls.key") };
  const authority = await createCertificateAuthority({ fleetId: "acme", nowMs: Date.now() - 30 * DAY_MS });
  const made: Listener = {
    ...{ authority, files },
    write: async ({ certificatePem, privateKeyPem }) => {
      if (certificatePem !== undefined) await writeFile(files.certificateFile, certificatePem);
      if (privateKeyPem !== undefined) await writeFile(files.privateKeyFile, privateKeyPem, { mode: 0o600 });
    },
    issue: ({ nowMs = Date.now(), name = COORDINATOR_NAME } = {}) =>
      issueServerCertificate(authority, { dnsNames: [name], nowMs }),
  };
  await made.write(await made.issue());
  return made;
}

void describe("a coordinator with a certificate of another authority", { skip, timeout: 120_000 }, () => {
  void it("is joined by that authority, and shows a renewed certificate; a bad one changes nothing", async (t) => {
    const { authority, files, write, issue } = await listener(t);
    const lines: string[] = [];
    const logger = createLogger({ write: (line) => lines.push(line) });
    const room = await open(t, undefined, {}, { keys: { listener: files }, logger });
    const { caDigest, secret } = readJoinString(room.local.joinString);
    assert.equal(caDigest, fingerprintOf(authority.certificatePem));
    const { certificates } = await room.admin.getAuthority({});
    assert.ok(certificates.some(({ digest }) => digest === caDigest));
    const cam = await device(t, room, "cam");
    const { credentials } = await cam.join(secret);
    assert.ok(credentials);
    const { natsServers } = await cam.client(credentials).hello(helloOf("cam"));
    await (await NatsLink.open(cam.nats(natsServers, credentials))).close();
    const serial = async (): Promise<string> => new X509Certificate(await fetchChain(room.addresses.grpc)).serialNumber;
    const first = await serial();
    await write({ privateKeyPem: (await issue()).privateKeyPem });
    await eventually(() => lines.some((line) => line.includes("is not a pair")) || undefined);
    assert.equal(await serial(), first);
    const renewed = await issue();
    await write(renewed);
    const expected = new X509Certificate(renewed.certificatePem).serialNumber;
    await eventually(async () => (await serial()) === expected || undefined);
    await write({ certificatePem: renewed.certificatePem.slice(0, 300) });
    await eventually(() => lines.some((line) => line.includes("not a certificate")) || undefined);
    assert.equal(await serial(), expected);
    await cam.client(credentials).hello(helloOf("cam"));
    // Who clients are to believe does not vouch for devices.
    const { privateKeyPem } = renewed;
    const { publicKey } = await readCsr(await createCsr(privateKeyPem));
    const names = { publicKey, tenant: "default", device: "tap", nowMs: Date.now() };
    const refused = { certificatePem: await issueDeviceCertificate(authority, names), privateKeyPem };
    await assert.rejects(foreign(t, room, refused, "tap").client.hello(helloOf("tap")));
  });

  void it("does not start with files that must not be used", async (t) => {
    const { authority, files, write, issue } = await listener(t);
    const good = await issue();
    const refuses = async (code: string, message: RegExp): Promise<void> => {
      await assert.rejects(open(t, undefined, {}, { keys: { listener: files } }), { code, message });
      await write(good);
    };
    await write({ privateKeyPem: (await issue()).privateKeyPem });
    await refuses("invalid-data", /is not a pair with/u);
    await write({ certificatePem: good.certificatePem.slice(0, 200) });
    await refuses("invalid-data", /tls\.pem: this is not a certificate/u);
    await write({ privateKeyPem: good.privateKeyPem.slice(0, 60) });
    await refuses("invalid-data", /tls\.key is not a private key/u);
    await write(await issue({ nowMs: Date.now() - 8 * DAY_MS }));
    await refuses("invalid-data", /has expired/u);
    await write(await issue({ name: "fleet.acme.com" }));
    await refuses("precondition-failed", /coordinator\.mpo\.internal/u);
    await write({ certificatePem: good.certificatePem.replace(authority.certificatePem, "") });
    await refuses("invalid-data", /no certificate of the authority that issued/u);
    await chmod(files.privateKeyFile, 0o640);
    await refuses("precondition-failed", /open to others/u);
    await rm(files.privateKeyFile);
    await refuses("not-found", /tls\.key/u);
  });
});
