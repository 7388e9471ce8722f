import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { MpoError } from "@mpo/core";
import { deviceOfCertificate } from "@mpo/identity";
import { type Asker, asker, DAY_MS, type IdentityRoom, identityRoom, joining } from "../test-support/identity-room.ts";
import { eventually } from "../testing/tiny-fleet.ts";
import { judgeEnrolment } from "./enrolment-verdict.ts";
import type { EnrolmentOutcome } from "./enrolments.ts";
import type { Identities } from "./identities.ts";
import type { JoinTokenOrder } from "./join-tokens.ts";

const BY = "ann";

async function open(t: TestContext): Promise<IdentityRoom & Identities> {
  const room = await identityRoom();
  t.after(() => room.stop());
  return { ...room, ...(await room.connect()) };
}

const cam = (device: string, tenant = "acme") => ({ tenant, device });

async function tokenOf({ joinTokens }: Pick<Identities, "joinTokens">, order: Partial<JoinTokenOrder> = {}) {
  const whole = { tenant: "acme", uses: 1, validMs: 60_000, labels: [], isAccepting: true, ...order };
  const { secret, token } = await joinTokens.create(whole, BY);
  return { secret, id: token.id };
}

async function letIn(all: Pick<Identities, "joinTokens" | "enrolments">, device: Asker, name: string) {
  const { secret } = await tokenOf(all);
  return await all.enrolments.enrol(joining(device, name, { token: secret }), "10.0.0.2:1");
}

/** "accepted" or "pending", with the name where it is another than the one that was asked for; or the error's code. */
async function outcomeOf(asking: Promise<EnrolmentOutcome>, name: string): Promise<string> {
  try {
    const { kind, record } = await asking;
    const { tenant, device } = record.identity;
    return tenant === "acme" && device === name ? kind : `${kind} as another`;
  } catch (thrown) {
    return MpoError.from(thrown).code;
  }
}

const STATES = ["none", "asked", "accepted", "long off", "revoked", "rejected", "preauthorised"] as const;
const TOKENS = ["none", "any", "named", "other name", "foreign", "expired", "used", "revoked", "unknown"] as const;
type State = (typeof STATES)[number];
type Token = (typeof TOKENS)[number];

/** What is right, by hand: `IN` is what the token says, accepted or pending. */
const IN = "by token";
const ELSE = "by token as another";
const BAD: Record<Extract<Token, "expired" | "revoked" | "unknown">, string> = {
  expired: "unauthenticated",
  revoked: "unauthenticated",
  unknown: "unauthenticated",
};
const NEW = {
  ...BAD,
  ...{ none: "pending", any: IN, named: IN, "other name": ELSE, foreign: ELSE, used: "unauthenticated" },
};
const LET_IN = Object.fromEntries(TOKENS.map((token) => [token, "accepted"])) as Record<Token, string>;
const TURNED_AWAY = {
  ...BAD,
  ...{ none: "permission-denied", any: "permission-denied", named: IN, used: "permission-denied" },
  ...{ "other name": "already-exists", foreign: "already-exists" },
};
const TAKEN = {
  ...{ ...BAD, none: "already-exists", any: "already-exists", named: IN, used: "already-exists" },
  ...{ "other name": ELSE, foreign: ELSE },
};
const SAME_KEY: Record<State, Record<Token, string>> = {
  none: NEW,
  // One that waits already gains nothing by a used token that has it wait, and loses nothing.
  asked: { ...NEW, used: "unauthenticated unless it waits" },
  accepted: LET_IN,
  preauthorised: LET_IN,
  "long off": {
    ...{ ...NEW, "other name": "already-exists", foreign: "already-exists" },
    used: "unauthenticated unless it waits",
  },
  revoked: TURNED_AWAY,
  rejected: TURNED_AWAY,
};
const OTHER_KEY: Record<State, Record<Token, string>> = {
  none: NEW,
  asked: { ...NEW, none: "already-exists" },
  accepted: TAKEN,
  preauthorised: TAKEN,
  "long off": TAKEN,
  revoked: TAKEN,
  rejected: TAKEN,
};

function expected(state: State, token: Token, { isSame, isAccepting }: { isSame: boolean; isAccepting: boolean }) {
  const right = (isSame ? SAME_KEY : OTHER_KEY)[state][token];
  if (right === "unauthenticated unless it waits") return isAccepting ? "unauthenticated" : "pending";
  return right.replace("by token", isAccepting ? "accepted" : "pending");
}

async function bring(all: Identities & IdentityRoom, state: State, device: Asker, name: string): Promise<void> {
  const { enrolments, keys } = all;
  if (state === "none") return;
  if (state === "preauthorised") {
    const { keyDigest } = await keys.readRequest(device.csr);
    await enrolments.preauthorise([{ identity: cam(name), keyDigest, labels: [] }], BY);
  } else if (state === "asked") await enrolments.enrol(joining(device, name), "");
  else await letIn(all, device, name);
  if (state === "revoked" || state === "rejected") await enrolments.decide(cam(name), { state, decidedBy: BY });
}

async function secretFor(all: Identities & IdentityRoom, token: Token, name: string, isAccepting: boolean) {
  if (token === "none") return undefined;
  if (token === "unknown") return `mpoj_${"A".repeat(43)}`;
  const { joinTokens, enrolments, clock } = all;
  const device = { named: name, "other name": `${name}-x` }[token as string];
  const tenant = token === "foreign" ? "zeta" : "acme";
  const validMs = token === "expired" ? 1 : 60_000;
  const { secret, id } = await tokenOf(all, { tenant, isAccepting, validMs, device });
  if (token === "revoked") await joinTokens.revoke(tenant, id);
  if (token === "used") await enrolments.enrol(joining(await asker(), `${name}-first`, { token: secret }), "");
  if (token === "expired") await clock.advance(2);
  return secret;
}

void describe("a device that asks to be part of the fleet", () => {
  for (const state of STATES) {
    void it(`${state}: is judged by its key and its token, whatever it says`, async (t) => {
      const all = await open(t);
      const cases = TOKENS.flatMap((token) =>
        [true, false].flatMap((isSame) => [true, false].map((isAccepting) => ({ token, isSame, isAccepting }))),
      ).map((each, index) => ({ ...each, name: `cam-${index}` }));
      const devices = [];
      for (const { name } of cases) {
        const device = await asker();
        await bring(all, state, device, name);
        devices.push(device);
      }
      if (state === "long off") await all.clock.advance(98 * DAY_MS);
      for (const [index, { token, isSame, isAccepting, name }] of cases.entries()) {
        const secret = await secretFor(all, token, name, isAccepting);
        const device = isSame ? (devices[index] as Asker) : await asker();
        const got = await outcomeOf(all.enrolments.enrol(joining(device, name, { token: secret }), ""), name);
        const what = `${state}, ${isSame ? "the same" : "another"} key, token ${token}, accepting ${isAccepting}`;
        assert.equal(got, expected(state, token, { isSame, isAccepting }), what);
      }
    });
  }

  void it("gets a certificate of its name, and a user of NATS that ends with it", async (t) => {
    const all = await open(t);
    const outcome = await letIn(all, await asker(), "cam");
    assert.equal(outcome.kind, "accepted");
    if (outcome.kind !== "accepted") return;
    const { certificatePem = "", natsJwt } = outcome.credentials;
    const { device, tenant, notAfterMs, keyDigest } = deviceOfCertificate(certificatePem);
    assert.deepEqual({ device, tenant }, { device: "cam", tenant: "acme" });
    assert.equal(notAfterMs, outcome.record.certificateEndsAtMs);
    all.enrolments.requireAccepted(cam("cam"), keyDigest);
    const claims = JSON.parse(Buffer.from(natsJwt?.split(".")[1] ?? "", "base64url").toString()) as { exp: number };
    assert.ok(Math.abs(claims.exp * 1000 - notAfterMs) <= 1000);
  });

  void it("gets in once for one use: of a hundred at once, at two coordinators, one", async (t) => {
    const all = await open(t);
    const other = await all.connect();
    const { secret } = await tokenOf(all);
    const devices = await Promise.all(Array.from({ length: 100 }, asker));
    const outcomes = await Promise.all(
      devices.map((device, index) => {
        const { enrolments } = index % 2 === 0 ? all : other;
        const name = `cam-${index}`;
        return outcomeOf(enrolments.enrol(joining(device, name, { token: secret }), ""), name);
      }),
    );
    assert.equal(outcomes.filter((each) => each === "accepted").length, 1);
    assert.equal(outcomes.filter((each) => each === "unauthenticated").length, 99);
    assert.equal([...all.enrolments.all()].length, 1);
  });

  void it("asks again when the answer was lost: no second use, and none when the token is over by then", async (t) => {
    const all = await open(t);
    const device = await asker();
    const { secret } = await tokenOf(all, { uses: 2, labels: [{ name: "site", value: "north" }] });
    const request = joining(device, "cam", { token: secret });
    await all.joinTokens.use(secret, (await all.keys.readRequest(device.csr)).keyDigest);
    // Its coordinator died before it wrote more: the same key is the same use.
    const { record } = await all.enrolments.enrol(request, "");
    assert.deepEqual(record.labels, [{ name: "site", value: "north" }]);
    assert.equal(all.joinTokens.list("acme")[0]?.usesLeft, 1);
    await all.enrolments.label(cam("cam"), { set: [{ name: "site", value: "south" }], removed: [] });
    await all.clock.advance(61_000);
    const again = await all.enrolments.enrol(request, "");
    assert.equal(again.kind, "accepted");
    assert.equal(again.isNew, false);
    // What people have said since stays, whatever the token once said.
    assert.deepEqual(again.record.labels, [{ name: "site", value: "south" }]);
  });

  void it("spends no further use while it waits, however many wait with it", async (t) => {
    const all = await open(t);
    const { secret } = await tokenOf(all, { uses: 200, isAccepting: false });
    const devices = await Promise.all(Array.from({ length: 70 }, asker));
    for (let round = 0; round < 3; round += 1) {
      for (const [index, device] of devices.entries()) {
        const { kind } = await all.enrolments.enrol(joining(device, `cam-${index}`, { token: secret }), "");
        assert.equal(kind, "pending");
      }
    }
    assert.equal(all.joinTokens.list("acme")[0]?.usesLeft, 130);
  });

  void it("cannot bring itself into a tenant by another tenant's token, or be another device", async (t) => {
    const all = await open(t);
    const device = await asker();
    await all.enrolments.enrol(joining(device, "cam"), "");
    // An admin of zeta alone: what was asked of acme is not theirs to grant.
    const { secret } = await tokenOf(all, { tenant: "zeta" });
    const { record } = await all.enrolments.enrol(joining(device, "cam", { token: secret }), "");
    assert.deepEqual(record.identity, cam("cam", "zeta"));
    assert.equal(all.enrolments.get(cam("cam")), undefined);
    // Once it is in, it is who it is.
    const back = await tokenOf(all);
    const why = { code: "already-exists", message: /cam of tenant zeta/u };
    await all.enrolments.decide(cam("cam", "zeta"), { state: "revoked", decidedBy: BY });
    await assert.rejects(all.enrolments.enrol(joining(device, "cam", { token: back.secret }), ""), why);
    const named = await tokenOf(all, { device: "cam" });
    await assert.rejects(all.enrolments.enrol(joining(device, "cam", { token: named.secret }), ""), why);
  });

  void it("learns its name by its key when it was renamed, and its old certificate is worth nothing", async (t) => {
    const all = await open(t);
    const device = await asker();
    const { record } = await letIn(all, device, "cam");
    const jwtKeys = record.natsUsers.map(({ key }) => key);
    await all.enrolments.rename(cam("cam"), cam("door"));
    // It could read of NATS what the next device of that name is told.
    assert.deepEqual(all.pushed.at(-1), jwtKeys);
    assert.throws(() => all.enrolments.requireAccepted(cam("cam"), record.keyDigest), { code: "unauthenticated" });
    all.enrolments.requireAccepted(cam("door"), record.keyDigest);
    const again = await all.enrolments.enrol(joining(device, "cam"), "");
    assert.deepEqual(again.record.identity, cam("door"));
    assert.equal(again.kind, "accepted");
  });

  void it("is in again by its old key for 90 days; then it waits, is listed, and can be accepted", async (t) => {
    const all = await open(t);
    const device = await asker();
    const { record } = await letIn(all, device, "cam");
    await all.clock.advance(96 * DAY_MS);
    assert.equal((await all.enrolments.enrol(joining(device, "cam"), "")).kind, "accepted");
    await all.clock.advance(98 * DAY_MS);
    const first = await all.enrolments.enrol(joining(device, "cam"), "");
    assert.deepEqual([first.kind, first.isNew, first.record.state], ["pending", true, "pending"]);
    // It asks every few seconds: that is news once.
    const second = await all.enrolments.enrol(joining(device, "cam"), "");
    assert.deepEqual([second.kind, second.isNew], ["pending", false]);
    assert.throws(() => all.enrolments.requireAccepted(cam("cam"), record.keyDigest), { code: "permission-denied" });
    await all.enrolments.decide(cam("cam"), { state: "accepted", decidedBy: BY });
    assert.equal((await all.enrolments.enrol(joining(device, "cam"), "")).kind, "accepted");
    all.enrolments.requireAccepted(cam("cam"), record.keyDigest);
  });

  void it("is off when it is revoked, at every coordinator, with every key for NATS that it had", async (t) => {
    const all = await open(t);
    const other = await all.connect();
    const device = await asker();
    const { record } = await letIn(all, device, "cam");
    const second = { ...device, nkey: (await asker()).nkey };
    await all.enrolments.enrol(joining(second, "cam"), "");
    await all.enrolments.decide(cam("cam"), { state: "revoked", decidedBy: BY });
    assert.deepEqual(all.pushed.at(-1)?.toSorted(), [device.nkey, second.nkey].toSorted());
    const off = (): void => other.enrolments.requireAccepted(cam("cam"), record.keyDigest);
    await eventually(() => other.enrolments.get(cam("cam"))?.state === "revoked" || undefined);
    assert.throws(off, { code: "permission-denied", message: "device cam of tenant acme is revoked" });
  });

  void it("cannot have another's access to NATS revoked by naming its key, asked or accepted", async (t) => {
    const all = await open(t);
    const [victim, thief] = [await asker(), await asker()];
    await letIn(all, victim, "cam");
    // A stranger asks with the victim's key, then with its own, time and again.
    for (const nkey of [victim.nkey, thief.nkey, victim.nkey, thief.nkey]) {
      await all.enrolments.enrol(joining({ ...thief, nkey }, "thief"), "").catch(() => undefined);
    }
    const { secret } = await tokenOf(all);
    const stolen = joining({ ...thief, nkey: victim.nkey }, "thief", { token: secret });
    await assert.rejects(all.enrolments.enrol(stolen, ""), { code: "already-exists", message: /NATS/u });
    assert.equal((await all.enrolments.enrol(joining(thief, "thief", { token: secret }), "")).kind, "accepted");
    assert.deepEqual(all.pushed.flat(), []);
  });

  void it("has only so many keys for NATS at a time: what is revoked must fit", async (t) => {
    const all = await open(t);
    const device = await asker();
    await letIn(all, device, "cam");
    const again = async () => {
      const { nkey } = await asker();
      return await outcomeOf(all.enrolments.enrol(joining({ ...device, nkey }, "cam"), ""), "cam");
    };
    for (let count = 1; count < 8; count += 1) assert.equal(await again(), "accepted");
    assert.equal(await again(), "over-budget");
    // It may go on with the one it has, and have another when the first has ended.
    assert.equal((await all.enrolments.enrol(joining(device, "cam"), "")).kind, "accepted");
    await all.clock.advance(7 * DAY_MS + 1000);
    assert.equal(await again(), "accepted");
  });

  void it("counts as any other when it was removed: its token is used up", async (t) => {
    const all = await open(t);
    const device = await asker();
    const { secret } = await tokenOf(all);
    const request = joining(device, "cam", { token: secret });
    await all.enrolments.enrol(request, "");
    assert.equal(await all.enrolments.remove(cam("cam")), true);
    assert.equal(await all.enrolments.remove(cam("cam")), false);
    assert.deepEqual(all.pushed.at(-1), [device.nkey]);
    await assert.rejects(all.enrolments.enrol(request, ""), { code: "unauthenticated", message: /used up/u });
    assert.equal((await all.enrolments.enrol(joining(device, "cam"), "")).kind, "pending");
  });

  void it("does not wait when ten thousand wait already, unless it has a token", async (t) => {
    const { joinTokens } = await open(t);
    const { secret } = await tokenOf({ joinTokens }, { isAccepting: false });
    const policy = { nowMs: 0, renewAfterEndMs: 0, isFull: true };
    const asking = { identity: cam("cam"), keyDigest: "ab".repeat(32), token: undefined };
    assert.throws(() => judgeEnrolment(undefined, asking, policy), { code: "over-budget" });
    const token = await joinTokens.read(secret);
    assert.equal(judgeEnrolment(undefined, { ...asking, token }, policy).state, "pending");
  });

  void it("is not let in by a request that is cut, changed, or another's", async (t) => {
    const all = await open(t);
    const { csr } = await asker();
    const broken = csr.slice();
    broken[broken.length - 5] = (broken.at(-5) ?? 0) ^ 1;
    for (const wrong of [csr.subarray(0, 100), broken, new Uint8Array(10), new Uint8Array(3000)]) {
      const request = { ...joining(await asker(), "cam"), certificateRequest: wrong };
      await assert.rejects(all.enrolments.enrol(request, ""), { code: "invalid-argument" });
    }
    const { certificateRequest: _, ...without } = joining(await asker(), "cam");
    await assert.rejects(all.enrolments.enrol(without, ""), { code: "unauthenticated" });
    assert.deepEqual([...all.enrolments.all()], []);
  });

  void it("is accepted by hand for the key that was looked at only", async (t) => {
    const all = await open(t);
    const [first, second] = [await asker(), await asker()];
    const { record } = await all.enrolments.enrol(joining(first, "cam"), "");
    const { secret } = await tokenOf(all, { isAccepting: false });
    await all.enrolments.enrol(joining(second, "cam", { token: secret }), "");
    const decision = { state: "accepted", keyDigest: record.keyDigest, decidedBy: BY } as const;
    await assert.rejects(all.enrolments.decide(cam("cam"), decision), { code: "conflict" });
    await assert.rejects(all.enrolments.decide(cam("nobody"), decision), { code: "not-found" });
    assert.equal((await all.enrolments.enrol(joining(second, "cam"), "")).kind, "pending");
  });

  void it("is preauthorised by its key, all of a file or none", async (t) => {
    const all = await open(t);
    const [known, other] = [await asker(), await asker()];
    await letIn(all, known, "cam");
    const [knownKey, otherKey] = [
      (await all.keys.readRequest(known.csr)).keyDigest,
      (await all.keys.readRequest(other.csr)).keyDigest,
    ];
    const entry = (device: string, keyDigest: string) => ({ identity: cam(device), keyDigest, labels: [] });
    for (const bad of [entry("cam", otherKey), entry("door", knownKey)]) {
      const fresh = entry("fresh", "ab".repeat(32));
      await assert.rejects(all.enrolments.preauthorise([fresh, bad], BY), { code: "already-exists" });
      assert.equal(all.enrolments.get(cam("fresh")), undefined);
    }
    assert.equal(await all.enrolments.preauthorise([entry("cam", knownKey), entry("door", otherKey)], BY), 1);
    assert.equal(all.enrolments.get(cam("cam"))?.state, "accepted");
    assert.equal((await all.enrolments.enrol(joining(other, "any-name"), "")).record.identity.device, "door");
  });

  void it("has 32 labels at most, and is told so", async (t) => {
    const all = await open(t);
    await letIn(all, await asker(), "cam");
    const set = (from: number) => Array.from({ length: 20 }, (_, index) => ({ name: `l${from + index}`, value: "" }));
    await all.enrolments.label(cam("cam"), { set: set(0), removed: [] });
    await assert.rejects(all.enrolments.label(cam("cam"), { set: set(20), removed: [] }), { code: "invalid-argument" });
    assert.equal(all.enrolments.get(cam("cam"))?.labels.length, 20);
    const left = await all.enrolments.label(cam("cam"), { set: set(20), removed: set(0).map(({ name }) => name) });
    assert.equal(left.length, 20);
  });
});
