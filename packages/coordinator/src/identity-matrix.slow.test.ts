import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import {
  createAuthority,
  createCertificateAuthority,
  createCsr,
  createDeviceKey,
  createDeviceNkey,
  createJoinSecret,
  createNatsAuthority,
  createOperatorToken,
  deviceOfCertificate,
  issueDeviceCertificate,
  readCsr,
  readJoinString,
  readLoginString,
} from "@mpo/identity";
import { systemClock } from "@mpo/io";
import { seededRandom } from "@mpo/io/testing";
import {
  ADMIN_SERVICE,
  type DeviceIdentity,
  type EnrollResponse,
  FLEET_SERVICE,
  type Method,
  type Role,
} from "@mpo/protocol";
import { createLogger } from "@mpo/runtime";
import { FLEET_LAYOUT, type StateStore, startGrpcServer, steadyTls } from "@mpo/transport";
import { MemoryStateServer } from "@mpo/transport/testing";
import { servicesOf } from "./api/services.ts";
import { type Coordinator, createCoordinator } from "./coordinator.ts";
import { FleetKeys } from "./identity/fleet-keys.ts";
import { identifyBy } from "./identity/identify.ts";
import { resolveSettings } from "./settings.ts";
import { ADAPTATION, messageOf } from "./test-support/call-messages.ts";
import { DENIED, type RawAnswer, RawCalls } from "./test-support/raw-calls.ts";
import { eventually, helloOf, INVENTORY, reportOf } from "./testing/tiny-fleet.ts";

const NORTH: string = "t-north";
const SOUTH: string = "t-south";
const at = (tenant: string, device: string): DeviceIdentity => ({ tenant, device });
const [N_ONE, N_TWO, S_ONE] = [at(NORTH, "n-one"), at(NORTH, "n-two"), at(SOUTH, "s-one")];
const TARGETS = [
  N_ONE,
  N_TWO,
  S_ONE,
  at(NORTH, "ghost"),
  at(SOUTH, "ghost"),
  at("default", "fleet"),
  at(SOUTH, "n-one"),
];

/** What each call needs, by hand: the matrix is no test if it asks the table that it tests. */
const NEEDS: Readonly<Record<"ofTenant" | "ofFleet", Readonly<Record<Role, readonly string[]>>>> = {
  ofTenant: {
    viewer: [
      "listAdaptations",
      ...["listDevices", "getDevice", "listProfiles", "getProfile", "getConfig", "explainConfig", "tryBudget"],
      "listResources",
      ...["listEvents", "watchEvents", "listEnrolments", "listGroups", "listPublishedModels", "getPublishedModel"],
      ...["getRollout", "listRollouts", "listRolloutDevices"],
    ],
    operator: [
      "removeAdaptation",
      ...["refreshDevice", "probeDevice", "pushConfig", "rollbackConfig", "labelDevice", "saveGroup", "removeGroup"],
      ...["findMissingChunks", "putChunk", "publishModel", "removePublishedModel"],
      ...["planRollout", "changeRollout", "removeRollout"],
    ],
    admin: [
      ...["retireDevice", "removeDevice", "renameDevice", "decideEnrolment", "decideDevice", "preauthoriseDevices"],
      ...["createJoinTokens", "listJoinTokens", "revokeJoinToken"],
    ],
  },
  ofFleet: {
    viewer: ["verifyEvents"],
    operator: [],
    admin: [
      ...["createAccessToken", "listAccessTokens", "revokeAccessToken"],
      ...["rotateAuthority", "rotateKeys", "installKeys"],
    ],
  },
};
const FOR_ANYBODY = ["whoAmI", "createConsoleCode", "getAuthority"];
/** What a fleet has others trust is public: whoever shows no token may ask. */
const OPEN = "getAuthority";
const RANKS: readonly Role[] = ["viewer", "operator", "admin"];

interface Holder {
  readonly role: Role;
  readonly tenant?: string;
}

/** Somebody who calls, and what is true of them. */
interface Caller {
  readonly name: string;
  readonly raw: RawCalls;
  readonly bearer?: string | undefined;
  /** The device that it truly is. */
  readonly device?: DeviceIdentity;
  /** The person that it truly is. */
  readonly person?: Holder;
  /** No connection is to come about. */
  readonly isStranger?: boolean;
}

function mayCall({ device, person, bearer, isStranger }: Caller, call: string, target: DeviceIdentity): boolean {
  if (isStranger === true) return false;
  if (call in FLEET_SERVICE) return device?.tenant === target.tenant && device.device === target.device;
  if (call === OPEN && bearer === undefined) return true;
  if (person === undefined) return false;
  if (FOR_ANYBODY.includes(call)) return true;
  const has = (role: Role): boolean => RANKS.indexOf(person.role) >= RANKS.indexOf(role);
  for (const role of RANKS) {
    if (NEEDS.ofFleet[role].includes(call)) return person.tenant === undefined && has(role);
    if (NEEDS.ofTenant[role].includes(call)) return (person.tenant ?? target.tenant) === target.tenant && has(role);
  }
  throw new Error(`nobody has said who may call ${call}`);
}

const METHODS = { ...FLEET_SERVICE, ...ADMIN_SERVICE } as unknown as Readonly<Record<string, Method<unknown, unknown>>>;

/** A store that notes where it is written. */
function watched(store: StateStore, wrote: (place: string) => void): StateStore {
  const noting = new Set(["put", "create", "update", "delete", "append"]);
  return new Proxy(store, {
    get: (target, name: keyof StateStore) => {
      const member = target[name];
      if (typeof member !== "function") return member;
      return (...given: readonly unknown[]) => {
        if (noting.has(name) && given[0] !== "health") wrote(`${name} ${String(given[0])} ${String(given[1])}`);
        return Reflect.apply(member as (...all: readonly unknown[]) => unknown, target, given);
      };
    },
  });
}

async function open(t: TestContext) {
  const secrets = new Set<string>();
  const keep = (...all: readonly (string | undefined)[]): void => {
    for (const one of all) {
      // Of a key its lines: it may be shown on one.
      for (const line of one?.split("\n") ?? []) if (line.length > 24 && !line.includes("-----")) secrets.add(line);
    }
  };
  const writes: string[] = [];
  const lines: string[] = [];
  const nats = createNatsAuthority();
  const authority = await createAuthority({ fleetId: "fleet-m", nats, nowMs: Date.now() - 86_400_000 });
  keep(authority.rootKeyPem, authority.signingKeyPem, ...Object.values(nats));
  keep(...authority.certificateAuthorities.map(({ privateKeyPem }) => privateKeyPem));
  const keys = new FleetKeys(authority, {
    ...{ clock: systemClock, certificateValidMs: 3_600_000, addresses: () => ["127.0.0.1:7443"] },
    save: (next) => {
      keep(next.signingKeyPem, ...next.certificateAuthorities.map(({ privateKeyPem }) => privateKeyPem));
      return Promise.resolve();
    },
  });
  const log = (line: string, done: (error?: Error | null) => void): void => {
    lines.push(line);
    done();
  };
  const logger = createLogger({ level: "trace", write: log as never });
  let ids = 0;
  const newId = (): string => `id-${++ids}`;
  const store = new MemoryStateServer({ layout: FLEET_LAYOUT }).connect();
  const coordinator = createCoordinator(resolveSettings({ name: "m" }, newId), {
    ...{ store: watched(store, (place) => writes.push(place)), logger, newId },
    ...{ authority: keys, pushRevocations: () => Promise.resolve() },
  });
  await coordinator.start();
  t.after(() => coordinator.stop());
  const { identities } = coordinator;
  assert.ok(identities);
  const pair = await keys.issueServer();
  keep(pair.privateKeyPem);
  const server = await startGrpcServer({
    services: servicesOf(coordinator),
    tls: steadyTls(() => pair),
    identify: identifyBy(identities, systemClock, undefined),
    quota: { perSecond: 1e6, burst: 1e6 },
    // All tries go over the same connections, and on a busy machine take longer than strangers are given.
    unprovenMs: 600_000,
    logger,
  });
  t.after(() => server.stop({ graceMs: 100 }));
  const raw = (shown: { readonly certificatePem?: string; readonly privateKeyPem?: string } = {}): RawCalls => {
    const calls = new RawCalls(server.target, { caPem: keys.trust.authoritiesPem, ...shown });
    t.after(() => calls.close());
    return calls;
  };
  return { secrets, keep, writes, lines, keys, coordinator, identities, raw, pair };
}

type Room = Awaited<ReturnType<typeof open>>;

/** A device with its key and a certificate of the fleet, whatever the fleet thinks of it. */
async function certified({ keys, keep, raw }: Room, identity: DeviceIdentity, issuer?: FleetKeys) {
  const privateKeyPem = await createDeviceKey();
  keep(privateKeyPem);
  const csr = await createCsr(privateKeyPem);
  const { certificatePem } = await (issuer ?? keys).issue(await keys.readRequest(csr), identity);
  return { csr, privateKeyPem, certificatePem, raw: raw({ certificatePem, privateKeyPem }) };
}

async function enrolled(room: Room, identity: DeviceIdentity) {
  const { joinTokens, enrolments } = room.identities;
  const device = await certified(room, identity);
  const order = { tenant: identity.tenant, uses: 1, validMs: 60_000, labels: [], isAccepting: true };
  const { secret } = await joinTokens.create(order, "test");
  const nkey = createDeviceNkey();
  room.keep(secret, nkey.seed);
  const asking = { identity, joinToken: secret, certificateRequest: device.csr, natsPublicKey: nkey.publicKey };
  const outcome = await enrolments.enrol({ ...asking, inventory: INVENTORY, labels: [] }, "10.0.0.9");
  assert.equal(outcome.kind, "accepted");
  if (outcome.kind === "accepted") room.keep(outcome.credentials.natsJwt);
  return device;
}

async function measured({ fleet, admin }: Coordinator, identity: DeviceIdentity): Promise<void> {
  const call = { signal: new AbortController().signal };
  await fleet.hello({ ...helloOf(identity.device), identity }, call);
  await fleet.reportProfile({ ...reportOf(identity.device, "r1"), identity }, call);
  await eventually(() => admin.getConfig({ identity }, call).catch(() => undefined));
}

async function callersOf(room: Room): Promise<readonly Caller[]> {
  const { identities, raw, keep, keys, pair } = room;
  const { enrolments, accessTokens } = identities;
  const devices = [];
  for (const identity of [N_ONE, N_TWO, S_ONE]) {
    devices.push(await enrolled(room, identity));
    await measured(room.coordinator, identity);
  }
  const [nOne, nTwo, sOne] = devices as [(typeof devices)[0], (typeof devices)[0], (typeof devices)[0]];
  const out = async (name: string, state: "revoked" | "rejected") => {
    const device = await enrolled(room, at(NORTH, name));
    await enrolments.decide(at(NORTH, name), { state, decidedBy: "test" });
    return device;
  };
  const [revoked, rejected, removed, renamed] = [
    await out("n-revoked", "revoked"),
    await out("n-rejected", "rejected"),
    await enrolled(room, at(NORTH, "n-removed")),
    await enrolled(room, at(NORTH, "n-renamed")),
  ];
  await enrolments.remove(at(NORTH, "n-removed"));
  await enrolments.rename(at(NORTH, "n-renamed"), at(NORTH, "n-now"));
  const pending = await certified(room, at(NORTH, "n-pending"));
  const inventory = INVENTORY;
  await enrolments.enrol(
    { identity: at(NORTH, "n-pending"), certificateRequest: pending.csr, inventory, labels: [] },
    "",
  );
  const named = await certified(room, N_ONE);
  const otherFleet = await createAuthority({ fleetId: "fleet-m", nats: createNatsAuthority(), nowMs: Date.now() });
  const others = new FleetKeys(otherFleet, {
    ...{ clock: systemClock, certificateValidMs: 3_600_000, addresses: () => [], save: () => Promise.resolve() },
  });
  const otherCa = await certified(room, N_ONE, others);
  const ca = keys.authority.certificateAuthorities[0];
  assert.ok(ca);
  const dated = async (nowMs: number) => {
    const { publicKey } = await readCsr(nOne.csr);
    const certificatePem = await issueDeviceCertificate(ca, { publicKey, ...N_ONE, nowMs, lifetimeMs: 60_000 });
    return { certificatePem, privateKeyPem: nOne.privateKeyPem };
  };
  const selfSigned = await createCertificateAuthority({ fleetId: "fleet-m", nowMs: Date.now() });
  const token = async (role: Role, tenant?: string, validMs = 600_000) => {
    const { secret, token: made } = await accessTokens.create(
      { name: `${role}-${tenant}`, role, tenant, validMs },
      "t",
    );
    keep(secret);
    return { secret, id: made.id };
  };
  const gone = await token("admin");
  await accessTokens.revoke(gone.id);
  const expired = await token("admin", undefined, 1);
  const [unknown, joinSecret] = [createOperatorToken(), createJoinSecret()];
  keep(unknown, joinSecret);
  const people: Caller[] = [];
  for (const role of RANKS) {
    for (const tenant of [NORTH, SOUTH, undefined]) {
      const person = { role, ...(tenant === undefined ? {} : { tenant }) };
      const name = `${role} of ${tenant ?? "all"}`;
      people.push({ name, raw: raw(), bearer: (await token(role, tenant)).secret, person });
    }
  }
  const bearerOf = (name: string) => people.find((one) => one.name === name)?.bearer;
  const stolen = { bearer: bearerOf(`operator of ${NORTH}`), person: { role: "operator", tenant: NORTH } } as const;
  return [
    ...people,
    { name: "nobody", raw: raw() },
    { name: "n-one", raw: nOne.raw, device: N_ONE },
    { name: "n-two", raw: nTwo.raw, device: N_TWO },
    { name: "s-one", raw: sOne.raw, device: S_ONE },
    { name: "revoked", raw: revoked.raw },
    { name: "rejected", raw: rejected.raw },
    { name: "removed", raw: removed.raw },
    { name: "renamed, by its old name", raw: renamed.raw },
    { name: "pending", raw: pending.raw },
    { name: "another key with the name of n-one", raw: named.raw },
    { name: "n-one, expired", raw: raw(await dated(Date.now() - 7_200_000)), isStranger: true },
    { name: "n-one, not yet valid", raw: raw(await dated(Date.now() + 86_400_000 * 2)), isStranger: true },
    { name: "n-one of another authority", raw: otherCa.raw, isStranger: true },
    { name: "an authority of its own", raw: raw(selfSigned), isStranger: true },
    { name: "the coordinator's own certificate", raw: raw(pair), isStranger: true },
    { name: "expired token", raw: raw(), bearer: expired.secret },
    { name: "revoked token", raw: raw(), bearer: gone.secret },
    { name: "unknown token", raw: raw(), bearer: unknown },
    { name: "a join token as token", raw: raw(), bearer: joinSecret },
    { name: "n-one with a stolen token", raw: nOne.raw, device: N_ONE, ...stolen },
    { name: "s-one with a stolen token", raw: sOne.raw, device: S_ONE, ...stolen },
    { name: "revoked with a stolen token", raw: revoked.raw, ...stolen },
  ];
}

interface Try {
  readonly caller: Caller;
  readonly call: string;
  readonly target: DeviceIdentity;
  readonly message: unknown;
}

function triesOf(callers: readonly Caller[], random: () => number): readonly Try[] {
  const calls = Object.keys(METHODS).filter((call) => call !== "enroll");
  const tries = callers.flatMap((caller) =>
    calls.flatMap((call) => {
      // Each try of a stranger is a handshake.
      const targets = caller.isStranger === true ? [N_ONE] : TARGETS;
      return targets.map((target) => ({ caller, call, target }));
    }),
  );
  return tries
    .map((each) => ({ ...each, message: messageOf(each.call, each.target, random), order: random() }))
    .toSorted((one, other) => one.order - other.order);
}

/** Runs so many at a time. */
async function inTurn<T>(all: readonly T[], most: number, work: (one: T) => Promise<void>): Promise<void> {
  const queue = all[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const one of queue) await work(one);
  };
  await Promise.all(Array.from({ length: most }, worker));
}

const nameOf = ({ caller, call, target }: Try): string =>
  `${caller.name} calls ${call} of ${target.tenant}.${target.device}`;
const send = ({ caller, call, message }: Try, lateMs?: number): Promise<RawAnswer> =>
  caller.raw.call(METHODS[call] as Method<unknown, unknown>, message, caller.bearer, lateMs);

/** What is wrong with the answer to a call that is allowed. Of events, there may be none. */
function wrongWith(one: Try, { status, message }: RawAnswer): readonly string[] {
  const isQuiet = status === "no answer" && one.call === "watchEvents";
  const isRefused = DENIED.includes(status) || status === "no answer";
  return isRefused && !isQuiet ? [`${nameOf(one)}: ${status} ${message}`] : [];
}

void describe("who may call what", () => {
  void it("is as the table says in ten thousand tries, and what is refused changes nothing", async (t) => {
    const room = await open(t);
    const callers = await callersOf(room);
    const tries = triesOf(callers, seededRandom(14));
    assert.ok(tries.length >= 10_000, `${tries.length} tries`);
    const [allowed, refused] = [
      tries.filter(({ caller, call, target }) => mayCall(caller, call, target)),
      tries.filter(({ caller, call, target }) => !mayCall(caller, call, target)),
    ];
    const shown: string[] = [];
    const leaks: string[] = [];
    // What the devices have set off is over.
    await new Promise((resolve) => setTimeout(resolve, 500));
    room.writes.length = 0;
    await inTurn(refused, 32, async (one) => {
      const { status, message, answers } = await send(one);
      shown.push(message);
      if (!DENIED.includes(status) || answers.length > 0) leaks.push(`${nameOf(one)}: ${status} ${message}`);
      if (typeof status === "number" && message === "") leaks.push(`${nameOf(one)}: is not told why`);
      if (one.caller.isStranger === true && status !== "refused at the handshake") leaks.push(`${nameOf(one)}: let in`);
    });
    assert.equal(leaks.join("\n"), "");
    assert.equal(room.writes.join("\n"), "");

    // What is allowed works, shows nothing of another tenant, and changes nothing there.
    const isFleetWide = ({ caller, call }: Try): boolean =>
      caller.person !== undefined && caller.person.tenant === undefined && call in ADMIN_SERVICE;
    // Whoever is out of the fleet could make no further tries.
    const isEnd = ({ call, target }: Try): boolean =>
      ["retireDevice", "removeDevice", "renameDevice"].includes(call) && target.device !== "ghost";
    const isOpen = ({ caller, call }: Try): boolean => call === OPEN && caller.person === undefined;
    const own = allowed.filter((one) => !isFleetWide(one) && !isEnd(one) && !isOpen(one));
    for (const tenant of [NORTH, SOUTH]) {
      const foreign = tenant === NORTH ? SOUTH : NORTH;
      room.writes.length = 0;
      await inTurn(
        own.filter(({ caller, call }) => (call in FLEET_SERVICE ? caller.device : caller.person)?.tenant === tenant),
        16,
        async (one) => {
          const answer = await send(one, one.call === "watchEvents" ? 500 : undefined);
          const { message, answers } = answer;
          shown.push(message);
          leaks.push(...wrongWith(one, answer));
          const words = JSON.stringify(answers);
          if (words.includes(foreign) || words.includes(foreign === SOUTH ? "s-one" : "n-two")) {
            leaks.push(`${nameOf(one)}: shows ${words.slice(0, 200)}`);
          }
          keepSecretsOf(room, one.call, answers);
        },
      );
      assert.equal(leaks.join("\n"), "");
      assert.ok(room.writes.length > 0);
      assert.deepEqual(
        room.writes.filter((place) => place.includes(`.${foreign}`)),
        [],
      );
    }
    room.writes.length = 0;
    await inTurn(allowed.filter(isOpen), 16, async (one) => {
      leaks.push(...wrongWith(one, await send(one)));
    });
    assert.equal(room.writes.join("\n"), "");
    let rotations = 0;
    await inTurn(
      allowed.filter((one) => isFleetWide(one) && !isEnd(one)),
      16,
      async (one) => {
        if (one.call.startsWith("rotate") && ++rotations > 4) return;
        const answer = await send(one, one.call === "watchEvents" ? 500 : undefined);
        shown.push(answer.message);
        leaks.push(...wrongWith(one, answer));
        keepSecretsOf(room, one.call, answer.answers);
      },
    );
    assert.equal(leaks.join("\n"), "");

    const { coordinator, lines, secrets } = room;
    const events = [NORTH, SOUTH, "default"].map((tenant) =>
      coordinator.admin.listEvents({ tenant, beforeSequence: 0, pageSize: 1000 }, { signal: t.signal }),
    );
    const said = [...shown, ...lines, JSON.stringify(await Promise.all(events))].join("\n");
    assert.ok(secrets.size > 50 && said.length > 100_000);
    assert.deepEqual(
      [...secrets].filter((secret) => said.includes(secret)),
      [],
    );
    t.diagnostic(
      `${tries.length} tries: ${refused.length} refused, ${allowed.length} allowed, ${secrets.size} secrets`,
    );
  });

  void it("lets nobody in who asks without a token, and gives each device its own certificate only", async (t) => {
    const room = await open(t);
    const callers = await callersOf(room);
    const keys = await Promise.all(Array.from({ length: 8 }, async () => await createCsr(await createDeviceKey())));
    const own = await Promise.all([N_ONE, S_ONE].map((identity) => enrolledAs(room, identity)));
    const random = seededRandom(15);
    const tries = callers.flatMap((caller) => [...TARGETS, at(NORTH, "fresh")].map((target) => ({ caller, target })));
    const enroll = METHODS["enroll"] as Method<unknown, unknown>;
    for (const { caller, target } of tries) {
      const stranger = keys[Math.floor(keys.length * random())];
      const request = { identity: target, certificateRequest: stranger, inventory: INVENTORY, labels: [] };
      const { status, answers } = await caller.raw.call(enroll, request, caller.bearer);
      const what = `${caller.name} asks to be ${target.tenant}.${target.device}`;
      for (const answer of answers as readonly EnrollResponse[]) {
        assert.deepEqual([answer.state, answer.credentials], ["pending", undefined], what);
      }
      if (caller.isStranger === true) assert.equal(status, "refused at the handshake", what);
      // Whoever replays a device's request has the certificate of that device, which is worth nothing without its key.
      for (const { csr, identity } of own) {
        const replayed = { ...request, certificateRequest: csr };
        const { answers: again } = await caller.raw.call(enroll, replayed, caller.bearer);
        for (const { credentials, identity: named } of again as readonly EnrollResponse[]) {
          assert.deepEqual(named, identity, what);
          const { tenant, device } = deviceOfCertificate(credentials?.certificatePem ?? "");
          assert.deepEqual({ tenant, device }, identity, what);
        }
      }
    }
  });

  void it("is about the tenant within a message too, and about every device in it", async (t) => {
    const room = await open(t);
    const callers = await callersOf(room);
    const admin = callers.find(({ name }) => name === `admin of ${NORTH}`);
    assert.ok(admin);
    room.writes.length = 0;
    const other = { identity: at(SOUTH, "s-new"), keyDigest: "ab".repeat(32), labels: [] };
    const own = { ...other, identity: at(NORTH, "n-new"), keyDigest: "cd".repeat(32) };
    const preauthorise = METHODS["preauthoriseDevices"] as Method<unknown, unknown>;
    for (const devices of [[other], [own, other], [other, own]]) {
      const { status } = await admin.raw.call(preauthorise, { tenant: NORTH, devices }, admin.bearer);
      assert.equal(status, 3);
    }
    assert.equal(room.writes.join("\n"), "");
    const revoke = METHODS["revokeJoinToken"] as Method<unknown, unknown>;
    const order = { tenant: SOUTH, uses: 1, validMs: 60_000, labels: [], isAccepting: true };
    const { token } = await room.identities.joinTokens.create(order, "test");
    const { status } = await admin.raw.call(revoke, { tenant: NORTH, id: token.id }, admin.bearer);
    assert.equal(status, 5);
    assert.equal(room.identities.joinTokens.list(SOUTH).length, 1);
  });
});

void describe("a call that is held open, or that nobody has looked at", () => {
  void it("gives no device what a revoked one has shared, nor when it is let in again", async (t) => {
    const room = await open(t);
    const { coordinator } = room;
    const call = { signal: t.signal };
    for (const identity of [N_ONE, N_TWO]) {
      await enrolled(room, identity);
      await measured(coordinator, identity);
    }
    const adaptation = { ...ADAPTATION, judgement: "labels" as const };
    await coordinator.adaptations.reportAdaptation({ identity: N_ONE, report: "r1", adaptation }, call);
    const { model, manifestDigest, signature } = ADAPTATION;
    const fetch = async () =>
      (
        await coordinator.adaptations.fetchAdaptation(
          { identity: N_TWO, model, manifestDigest, signature, offset: 0 },
          call,
        )
      ).found?.device;
    assert.equal(await fetch(), "n-one");
    const decide = (decision: "revoked" | "accepted") =>
      coordinator.identityApi.decideEnrolment({ identity: N_ONE, decision, reason: "test" }, call);
    await decide("revoked");
    assert.equal(await fetch(), undefined);
    await decide("accepted");
    assert.equal(await fetch(), undefined);
  });

  void it("shows nothing more from the moment when its token is revoked", async (t) => {
    const { coordinator, identities } = await open(t);
    const { accessTokens } = identities;
    const { secret, token } = await accessTokens.create({ name: "ann", role: "viewer", validMs: 60_000 }, "test");
    const [, admin] = servicesOf(coordinator);
    assert.ok(admin);
    const call = {
      signal: t.signal,
      deviceId: undefined,
      certificate: undefined,
      peer: "",
      requestId: "r",
      person: undefined,
    };
    const person = accessTokens.personOf(secret);
    const watch = { tenant: "default", afterSequence: 1 };
    const events = admin.handlers["watchEvents"]?.(watch, { ...call, person }) as AsyncGenerator<unknown>;
    const order = { tenant: "default", count: 1, uses: 1, validMs: 60_000, labels: [], isAccepting: true };
    // Its events go on; the first two are seen.
    for (let count = 0; count < 3; count += 1) await coordinator.identityApi.createJoinTokens(order, call);
    assert.equal((await events.next()).done, false);
    await accessTokens.revoke(token.id);
    await assert.rejects(events.next(), { code: "unauthenticated" });
    // That the listener lets nobody through who is not proven is not all that stands before a call.
    const list = { tenant: "default", pageSize: 1 };
    await assert.rejects(Promise.resolve(admin.handlers["listDevices"]?.(list, call)), { code: "unauthenticated" });
  });
});

/** What is made by a call is a secret too. */
function keepSecretsOf({ keep }: Room, call: string, answers: readonly unknown[]): void {
  for (const answer of answers) {
    const { joinStrings = [], loginString } = answer as { joinStrings?: readonly string[]; loginString?: string };
    for (const line of joinStrings) keep(line, readJoinString(line).secret);
    if (call === "createAccessToken" && loginString !== undefined) {
      keep(loginString, readLoginString(loginString).secret);
    }
  }
}

/** One more key under the name, by a token that names it. */
async function enrolledAs(room: Room, identity: DeviceIdentity) {
  const csr = await createCsr(await createDeviceKey());
  const order = { ...identity, uses: 1, validMs: 60_000, labels: [], isAccepting: true };
  const { secret } = await room.identities.joinTokens.create(order, "test");
  const request = { identity, joinToken: secret, certificateRequest: csr, inventory: INVENTORY, labels: [] };
  assert.equal((await room.identities.enrolments.enrol(request, "")).kind, "accepted");
  return { csr, identity };
}
