import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { hasCode, MpoError } from "@mpo/core";
import {
  COORDINATOR_NAME,
  deviceOfCertificate,
  issueServerCertificate,
  joinString,
  NATS_NAME,
  readJoinString,
} from "@mpo/identity";
import { systemClock } from "@mpo/io";
import { type DeviceIdentity, deviceKey } from "@mpo/protocol";
import { createLogger } from "@mpo/runtime";
import {
  BUCKETS,
  EmbeddedNatsServer,
  FLEET_LAYOUT,
  fleetClaims,
  fleetService,
  type GrpcServer,
  type Identify,
  NatsLink,
  openJetstreamStore,
  roleCredentials,
  type StateStore,
  startGrpcServer,
  steadyTls,
  type TlsIdentity,
} from "@mpo/transport";
import { binary, skip } from "@mpo/transport/testing";
import type { Agent } from "../core/agent.ts";
import { DEFAULT_AGENT_SETTINGS } from "../core/agent-settings.ts";
import type { FleetMember } from "../identity/fleet-member.ts";
import type { Joining } from "../identity/joining.ts";
import { DEVICE_CLASS, documentOf, IDENTITY } from "../test-support/documents.ts";
import { FakeAuthority } from "../test-support/fake-authority.ts";
import { FakeDevice } from "../test-support/fake-device.ts";
import { FakeFleet } from "../test-support/fake-fleet.ts";
import { runAgentDaemon } from "./agent-daemon.ts";
import { connectFleet } from "./connect-fleet.ts";

const TOKEN = `mpoj_${Buffer.alloc(32, 7).toString("base64url")}`;

/** A coordinator's listener with TLS, and its NATS, around a made-up coordinator. */
class Wire {
  readonly authority: FakeAuthority;
  readonly fleet = new FakeFleet(systemClock);
  /** Calls of devices that were proven, by name. */
  readonly calls: string[] = [];
  #server: GrpcServer | undefined;
  #tls: TlsIdentity | undefined;
  #nats: EmbeddedNatsServer | undefined;
  store: StateStore | undefined;

  private constructor(authority: FakeAuthority) {
    this.authority = authority;
  }

  static async start(t: TestContext, folder: string): Promise<Wire> {
    const wire = new Wire(await FakeAuthority.create(systemClock));
    const { authority } = wire;
    const [issuer] = authority.authority.certificateAuthorities;
    assert.ok(issuer !== undefined);
    const dnsNames = [COORDINATOR_NAME, NATS_NAME];
    const pair = await issueServerCertificate(issuer, { dnsNames, nowMs: Date.now() });
    wire.#tls = { ...pair, caPem: authority.caPem };
    await wire.#startNats(t, folder);
    wire.fleet.heartbeatSeconds = 1;
    await wire.listen();
    t.after(async () => {
      await wire.#server?.stop({ graceMs: 0 });
      wire.fleet.hub.close();
    });
    return wire;
  }

  get target(): string {
    return this.#server?.target ?? "";
  }

  /** Stops listening, and goes on there again. */
  async stopListening(): Promise<void> {
    await this.#server?.stop({ graceMs: 0 });
  }

  async listen(): Promise<void> {
    const { enroll, hello, heartbeat, reportProfile, reportStatus } = this.fleet.link;
    const [tls, port] = [this.#tls, this.#server?.port ?? 0];
    assert.ok(tls !== undefined);
    const named = (identity: DeviceIdentity, proven: string | undefined): void => {
      if (proven !== `${identity.tenant}.${identity.device}`)
        throw new MpoError("permission-denied", "that is another");
    };
    this.#server = await startGrpcServer({
      port,
      tls: steadyTls(() => tls),
      identify: { device: this.#deviceOf, person: () => undefined },
      services: [
        fleetService({
          enroll: async (request) => {
            await enroll(request);
            return await this.authority.answer(request);
          },
          hello: async (request, { deviceId }) => {
            named(request.identity, deviceId);
            const port = new URL(this.#nats?.address.url ?? "").port;
            return { ...(await hello(request)), natsServers: [`tls://0.0.0.0:${port}`] };
          },
          heartbeat: async (request, { deviceId }) => {
            named(request.identity, deviceId);
            this.calls.push(request.identity.device);
            return await heartbeat(request);
          },
          reportProfile: (request) => reportProfile(request),
          reportStatus: (request) => reportStatus(request),
          fetchProfile: () => Promise.reject(new MpoError("unsupported", "nothing is shared here")),
          reportProfilePart: () => Promise.reject(new MpoError("unsupported", "no report here is long")),
          getArtifact: () => Promise.reject(new MpoError("not-found", "no model is published here")),
          getArtifactChunk: () => Promise.reject(new MpoError("not-found", "no model is published here")),
          reportAdaptation: () => Promise.reject(new MpoError("unsupported", "nothing is shared here")),
          reportAdaptationPart: () => Promise.reject(new MpoError("unsupported", "nothing is shared here")),
          fetchAdaptation: () => Promise.reject(new MpoError("unsupported", "nothing is shared here")),
        }),
      ],
    });
  }

  readonly #deviceOf: Identify["device"] = ({ certificate }, path) => {
    if (path.endsWith("/Enroll")) return undefined;
    if (certificate === undefined) throw new MpoError("unauthenticated", "no certificate");
    const { tenant, device, keyDigest, notAfterMs } = deviceOfCertificate(certificate);
    const known = this.authority.known.get(keyDigest);
    if (Date.now() >= notAfterMs || known?.identity.device !== device) {
      throw new MpoError("unauthenticated", "not known by this certificate");
    }
    if (known.state !== "accepted") throw new MpoError("permission-denied", `it is ${known.state}`);
    return `${tenant}.${device}`;
  };

  async #startNats(t: TestContext, folder: string): Promise<void> {
    const { nats } = this.authority.authority;
    const [tls, revocations] = [this.#tls, new Map<string, number>()];
    assert.ok(tls !== undefined);
    this.#nats = await EmbeddedNatsServer.start({
      ...{ binary: binary(), folder: join(folder, "nats") },
      identities: {
        claims: () => fleetClaims(nats, { fleetId: "test", nowMs: Date.now(), revocations }),
        tls: steadyTls(() => tls),
      },
    });
    t.after(() => this.#nats?.stop());
    const link = await NatsLink.open({
      ...{ servers: [this.#nats.address.url], name: "coordinator" },
      credentials: roleCredentials(nats, "coordinator", systemClock),
      tls: { caPem: () => tls.caPem, serverName: NATS_NAME },
    });
    t.after(() => link.close());
    this.store = await openJetstreamStore(link, { layout: FLEET_LAYOUT });
  }

  /** Stores a document, of which the device hears by its push. */
  async push(version: number, identity: DeviceIdentity = IDENTITY): Promise<void> {
    const now = Date.now();
    const document = documentOf(version, { ...identity, issuedAtMs: now, expiresAtMs: now + 1e9 });
    await this.store?.put(BUCKETS.desired, deviceKey(identity), this.authority.signed(document));
  }
}

/** The product's daemon, over its real disk and wire. */
class Daemon {
  readonly log: string[] = [];
  /** Calls that failed. */
  readonly failed: MpoError[] = [];
  agent: Agent | undefined;
  member: FleetMember | undefined;
  ended: MpoError | undefined;
  readonly #folder: string;
  #ends = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
  }

  start(joining: Joining): void {
    this.#ends = new AbortController();
    this.agent = undefined;
    const logger = createLogger({
      write: (line, done) => {
        this.log.push(line);
        done();
      },
    });
    const common = { clock: systemClock, random: Math.random, logger };
    const running = runAgentDaemon({
      settings: {
        ...DEFAULT_AGENT_SETTINGS,
        ...{ identity: IDENTITY, agentVersion: "0.1.0", engineVersion: "0.1.0", tickMs: 200 },
        linkRetry: { baseMs: 100, capMs: 500 },
      },
      ...{ dataFolder: join(this.#folder, "data"), servingRoot: join(this.#folder, "serving") },
      ...{ deviceClass: DEVICE_CLASS, environment: {}, engine: new FakeDevice(systemClock).engine, joining, ...common },
      connect: async (identity, member) => {
        this.member = member;
        const coordinators = member?.coordinators ?? [];
        return await connectFleet({ ...{ identity, coordinators, member }, ...common });
      },
      onReady: (agent) => {
        this.agent = agent;
      },
      signal: this.#ends.signal,
    });
    this.#running = running.catch((thrown: unknown) => {
      this.ended = MpoError.from(thrown);
    });
  }

  async stop(): Promise<void> {
    this.#ends.abort();
    await this.#running;
  }

  async until(what: () => boolean, ms = 30_000): Promise<void> {
    const endMs = Date.now() + ms;
    while (!what()) {
      assert.ok(Date.now() < endMs, this.log.slice(-40).join(""));
      await systemClock.sleep(5);
    }
  }

  get applied(): number | undefined {
    return this.agent?.snapshot().applied?.version;
  }

  said(words: RegExp): number {
    return this.log.filter((line) => words.test(line)).length;
  }
}

async function inRoom(
  t: TestContext,
  check: (wire: Wire, daemon: Daemon, joining: Joining) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-joined-"));
  await mkdir(join(folder, "serving/resnet/model"), { recursive: true });
  await writeFile(join(folder, "serving/resnet/model/model.json"), "{}");
  const wire = await Wire.start(t, folder);
  const daemon = new Daemon(folder);
  t.after(() => daemon.stop());
  // Hooks run in this order, and a daemon writes until it has stopped.
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  wire.authority.tokens.add(TOKEN);
  const line = joinString({ addresses: [wire.target], caDigest: wire.authority.caDigest, secret: TOKEN });
  const { addresses, caDigest, secret } = readJoinString(line);
  await check(wire, daemon, { coordinators: addresses, authority: { caDigest }, token: secret });
  for (const text of [TOKEN, "PRIVATE KEY", "eyJ"]) assert.ok(!daemon.log.join("").includes(text), text);
}

describe("an agent with identity, on the real wire", { skip }, () => {
  it("joins by a token, gets its documents, and is a member after a restart without one", (t) =>
    inRoom(t, async (wire, daemon, joining) => {
      daemon.start(joining);
      await daemon.until(() => daemon.agent?.snapshot().isFeedConnected === true);
      await wire.push(1);
      await daemon.until(() => daemon.applied === 1);
      await daemon.stop();
      assert.equal(daemon.ended, undefined);
      daemon.start({ coordinators: [] });
      await daemon.until(() => daemon.agent?.snapshot().isFeedConnected === true);
      assert.equal(daemon.applied, 1);
      await wire.push(2);
      await daemon.until(() => daemon.applied === 2);
      assert.equal(wire.authority.known.size, 1);
    }));

  it("renews certificates of seconds with no failed call and no missed push", (t) =>
    inRoom(t, async (wire, daemon, joining) => {
      wire.authority.certificateMs = 3_000;
      daemon.start(joining);
      await daemon.until(() => daemon.agent?.snapshot().isFeedConnected === true);
      const { member } = daemon;
      assert.ok(member !== undefined);
      const connection = await connectFleet({
        ...{ identity: IDENTITY, coordinators: [wire.target], member },
        ...{ clock: systemClock, random: Math.random, logger: createLogger({ write: (_, done) => done() }) },
      });
      t.after(() => connection.close());
      const resources = await new FakeDevice(systemClock).monitor.resources();
      let [calls, failures] = [0, 0];
      for (let version = 1; member.renewals < 6; version++) {
        await wire.push(version);
        for (let until = Date.now() + 250; Date.now() < until; calls++) {
          await connection.link.heartbeat({ identity: IDENTITY, resources, conditions: [] }).catch(() => failures++);
          await systemClock.sleep(30);
        }
        await daemon.until(() => daemon.applied === version, 3_000);
      }
      assert.equal(failures, 0, `of ${calls}`);
      assert.ok(calls > 50, `${calls}`);
      assert.equal(daemon.said(/could not be reached|refuses this device/u), 0, daemon.log.join(""));
    }));

  it("that was off until its certificate ended is back by its old key", (t) =>
    inRoom(t, async (wire, daemon, joining) => {
      wire.authority.certificateMs = 2_000;
      daemon.start(joining);
      await daemon.until(() => wire.calls.length > 0);
      await daemon.stop();
      await systemClock.sleep(2_500);
      wire.authority.certificateMs = 60_000;
      const { length } = wire.calls;
      daemon.start({ coordinators: [] });
      await daemon.until(() => wire.calls.length > length && daemon.agent?.snapshot().isFeedConnected === true);
      assert.equal(wire.authority.known.size, 1);
      assert.equal(daemon.said(/refuses this device/u), 0);
    }));

  it("goes on under another name when the fleet gives it one", (t) =>
    inRoom(t, async (wire, daemon, joining) => {
      daemon.start(joining);
      await daemon.until(() => wire.calls.length > 1);
      await wire.push(1);
      await daemon.until(() => daemon.applied === 1);
      const renamed = { ...IDENTITY, device: "gate" };
      wire.authority.only.identity = renamed;
      await daemon.until(() => wire.calls.at(-1) === "gate");
      assert.equal(daemon.said(/another name/u), 1);
      await daemon.until(() => daemon.agent?.snapshot().isFeedConnected === true);
      assert.equal(daemon.applied, 1, "what was in use stays");
      await wire.push(2, renamed);
      await daemon.until(() => daemon.applied === 2);
    }));

  it("that is revoked gets in nowhere, and goes on by what it has", (t) =>
    inRoom(t, async (wire, daemon, joining) => {
      daemon.start(joining);
      await daemon.until(() => wire.calls.length > 1);
      await wire.push(1);
      await daemon.until(() => daemon.applied === 1);
      wire.authority.only.state = "revoked";
      const { length } = wire.calls;
      await daemon.until(
        () => daemon.said(/refuses this device/u) === 1 && daemon.said(/turns this device away/u) === 1,
      );
      await systemClock.sleep(3_000);
      assert.equal(wire.calls.length, length);
      assert.equal(daemon.applied, 1);
    }));

  it("ends when its token is of no use, and joins nobody whom its string does not vouch for", (t) =>
    inRoom(t, async (wire, daemon, joining) => {
      wire.authority.tokens.clear();
      daemon.start(joining);
      await daemon.until(() => daemon.ended !== undefined);
      assert.ok(hasCode(daemon.ended, "unauthenticated"), `${daemon.ended}`);
      daemon.ended = undefined;
      daemon.start({ ...joining, authority: { caDigest: "ab".repeat(32) } });
      await daemon.until(() => daemon.ended !== undefined);
      assert.match(`${daemon.ended}`, /not of the fleet that was named/u);
      // A stranger's listener, whose authority is not the fleet's.
      const stranger = await FakeAuthority.create(systemClock);
      daemon.ended = undefined;
      daemon.start({ coordinators: [wire.target], authority: { caPem: stranger.caPem } });
      await daemon.until(() => daemon.ended !== undefined);
      assert.match(`${daemon.ended}`, /another authority/u);
    }));

  it("waits for a coordinator that is not there yet, and for somebody who accepts it", (t) =>
    inRoom(t, async (wire, daemon) => {
      await wire.stopListening();
      daemon.start({ coordinators: [wire.target], authority: { caPem: wire.authority.caPem } });
      await daemon.until(() => daemon.said(/no new credentials yet/u) === 1);
      await wire.listen();
      await daemon.until(() => daemon.said(/mpo devices accept/u) === 1);
      wire.authority.only.state = "accepted";
      await daemon.until(() => wire.calls.length > 0);
    }));
});
