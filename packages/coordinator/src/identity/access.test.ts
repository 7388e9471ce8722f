import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { MpoError } from "@mpo/core";
import { ROLES } from "@mpo/protocol";
import { identityRoom } from "../test-support/identity-room.ts";
import { eventually } from "../testing/tiny-fleet.ts";
import { ADMIN_ACCESS } from "./access-table.ts";
import { requireRole } from "./person.ts";

const UNKNOWN = { code: "unauthenticated", message: "the access token is not known here" };

async function open(t: TestContext) {
  const room = await identityRoom();
  t.after(() => room.stop());
  return { ...room, one: await room.connect(), other: await room.connect() };
}

const ORDER = { name: "ann", role: "operator", tenant: "acme", validMs: 60_000 } as const;

void describe("access tokens", () => {
  void it("say who holds them, at every coordinator, until they expire; the store knows no secret", async (t) => {
    const { one, other, clock } = await open(t);
    const { secret, token } = await one.accessTokens.create(ORDER, "boss");
    const { name, role, tenant } = await eventually(() => {
      try {
        return other.accessTokens.personOf(secret);
      } catch {
        return undefined;
      }
    });
    assert.deepEqual({ name, role, tenant }, { name: "ann", role: "operator", tenant: "acme" });
    assert.deepEqual(one.accessTokens.list(), [token]);
    assert.ok(!JSON.stringify(token).includes(secret));
    for (const key of await one.context.store.keys("access")) {
      const entry = await one.context.store.get("access", key);
      assert.ok(!`${key} ${Buffer.from(entry?.value ?? [])}`.includes(secret.slice(4)));
    }
    await clock.advance(60_000);
    const expired = { code: "unauthenticated", message: /of ann expired at 2023/u };
    assert.throws(() => one.accessTokens.personOf(secret), expired);
    assert.throws(() => other.accessTokens.personOf(secret), expired);
    assert.deepEqual(one.accessTokens.list(), []);
    await clock.advance(3_700_000);
    await eventually(async () => ((await one.context.store.keys("access")).length === 0 ? true : undefined));
    assert.throws(() => one.accessTokens.personOf(secret), UNKNOWN);
  });

  void it("end at once where they are revoked, and soon elsewhere; who has one in hand can ask again", async (t) => {
    const { one, other } = await open(t);
    const { secret, token } = await one.accessTokens.create(ORDER, "boss");
    const person = one.accessTokens.personOf(secret);
    person.requireGood?.();
    assert.equal(await one.accessTokens.revoke(token.id), "ann");
    assert.throws(() => one.accessTokens.personOf(secret), UNKNOWN);
    assert.throws(() => person.requireGood?.(), UNKNOWN);
    await assert.rejects(one.accessTokens.revoke(token.id), { code: "not-found" });
    await eventually(() => {
      try {
        return other.accessTokens.personOf(secret) && undefined;
      } catch {
        return true;
      }
    });
  });

  void it("are whole or nothing: cut, longer, of another kind, another fleet's", async (t) => {
    const { one } = await open(t);
    const { secret } = await one.accessTokens.create(ORDER, "boss");
    const order = { tenant: "acme", uses: 1, validMs: 60_000, labels: [], isAccepting: true };
    const { secret: joins } = await one.joinTokens.create(order, "boss");
    for (const wrong of [secret.slice(0, -1), `${secret}A`, secret.toUpperCase(), joins, "", "mpo_"]) {
      assert.throws(() => one.accessTokens.personOf(wrong), UNKNOWN);
    }
    await assert.rejects(one.joinTokens.read(secret), { code: "unauthenticated" });
    await assert.rejects(one.joinTokens.read(joins.slice(0, -1)), { code: "unauthenticated" });
  });
});

void describe("roles", () => {
  /** By hand: for what a role is enough. */
  const ENOUGH = { viewer: ["viewer"], operator: ["viewer", "operator"], admin: ["viewer", "operator", "admin"] };

  void it("hold for their own tenant, or for all and the fleet", () => {
    for (const role of ROLES) {
      for (const tenant of ["acme", "zeta", undefined]) {
        for (const needed of ROLES) {
          for (const about of ["acme", "zeta", undefined]) {
            const may = ENOUGH[role].includes(needed) && (tenant === undefined || tenant === about);
            const person = { name: "ann", role, tenant };
            const ask = (): void => requireRole(person, { role: needed, tenant: about }, "this");
            const what = `${role} of ${tenant} for ${needed} of ${about}`;
            if (may) assert.doesNotThrow(ask, what);
            else assert.throws(ask, { code: "permission-denied" }, what);
          }
        }
      }
    }
  });

  void it("are named in a refusal, with what is needed and who can give it", () => {
    const viewer = { name: "ann", role: "viewer", tenant: "acme" } as const;
    const told = (need: Parameters<typeof requireRole>[1]): string => {
      try {
        requireRole(viewer, need, "rotateKeys");
      } catch (thrown) {
        const { message, hint } = MpoError.from(thrown);
        return `${message} ${hint}`;
      }
      return "";
    };
    assert.match(told({ role: "admin" }), /ann is viewer of tenant acme; rotateKeys needs admin of the whole fleet/u);
    assert.match(told({ role: "viewer", tenant: "zeta" }), /needs viewer of tenant zeta Ask an admin/u);
  });

  void it("are wanted of every call but three, which give nothing that is not public or one's own", () => {
    const open = Object.entries(ADMIN_ACCESS).flatMap(([name, access]) => (access === "anybody" ? [name] : []));
    assert.deepEqual(open, ["whoAmI", "createConsoleCode", "getAuthority"]);
  });
});
