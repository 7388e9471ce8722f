import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import { createDeviceNkey, createNatsAuthority, deviceUserJwt, natsClaims, roleUserJwt } from "./nats-authority.ts";

interface Body {
  readonly iat: number;
  readonly exp?: number;
  readonly iss: string;
  readonly sub: string;
  readonly name: string;
  readonly nats: Readonly<Record<string, unknown>>;
}

/** What a JWT says; its signature is checked with Node alone. */
function bodyOf(jwt: string): Body {
  const [header, body, signature] = jwt.split(".") as [string, string, string];
  const read = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
  assert.deepEqual(read(header), { typ: "JWT", alg: "ed25519-nkey" });
  const found = read(body) as Body;
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: rawKeyOf(found.iss) }, format: "jwk" });
  assert.ok(verify(null, Buffer.from(`${header}.${body}`), key, Buffer.from(signature, "base64url")));
  return found;
}

/** The 32 bytes in an nkey, which is base32 of: prefix, key, checksum. */
function rawKeyOf(nkey: string): string {
  const bits = [...nkey].map((letter) =>
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"),
  );
  const bytes = bits.join("").match(/.{8}/gu) ?? [];
  return Buffer.from(bytes.slice(1, 33).map((byte) => Number.parseInt(byte, 2))).toString("base64url");
}

const NOW_MS = Date.UTC(2026, 10, 29) + 999;
const TIMES = { nowMs: NOW_MS, expiresAtMs: NOW_MS + 60_000 };
const OPTIONS = {
  ...{ fleetId: "home", nowMs: NOW_MS, revocations: new Map<string, number>() },
  subjects: { documents: "docs", pushes: "dn", inboxes: "in" },
};

void test("the operator vouches for accounts, which vouch for users", () => {
  const authority = createNatsAuthority();
  const device = createDeviceNkey();
  const revocations = new Map([[device.publicKey, NOW_MS]]);
  const claims = natsClaims(authority, { ...OPTIONS, revocations });
  const operator = bodyOf(claims.operator);
  assert.equal(operator.iss, operator.sub);
  assert.equal(operator.nats["system_account"], claims.system.id);
  for (const { id, jwt } of [claims.fleet, claims.devices, claims.system]) {
    const { iss, sub, exp } = bodyOf(jwt);
    assert.deepEqual([iss, sub, exp], [operator.sub, id, undefined]);
  }
  assert.equal(bodyOf(roleUserJwt(authority, "coordinator", TIMES)).iss, claims.fleet.id);
  assert.equal(bodyOf(roleUserJwt(authority, "system", TIMES)).iss, claims.system.id);
  const user = bodyOf(deviceUserJwt(authority, { ...TIMES, key: "0f.A.b", publicNkey: device.publicKey }));
  assert.deepEqual([user.name, user.sub, (user.exp ?? 0) - user.iat], ["0f.A.b", device.publicKey, 60]);
  // A scoped user has what the account grants to its signer, and says nothing of its own.
  assert.deepEqual(user.nats, { issuer_account: claims.devices.id, type: "user", version: 2 });
  const { signing_keys: keys, revocations: revoked } = bodyOf(claims.devices.jwt).nats as {
    readonly signing_keys: readonly { readonly key: string; readonly template: object }[];
    readonly revocations: object;
  };
  assert.deepEqual(
    keys.map(({ key }) => key),
    [user.iss],
  );
  assert.deepEqual(keys[0]?.template, {
    pub: { allow: ["docs.{{name()}}"] },
    sub: { allow: ["dn.{{name()}}", "in.{{name()}}.>"] },
    ...{ subs: 8, data: -1, payload: 1024, allowed_connection_types: ["STANDARD"] },
  });
  assert.deepEqual(revoked, { [device.publicKey]: Math.floor(NOW_MS / 1000) });
});

void test("no device gets a user whose name is a wildcard, or whose key is no user's", () => {
  const authority = createNatsAuthority();
  const { publicKey, seed } = createDeviceNkey();
  for (const key of [
    "*.*.*",
    "0f.a.>",
    "0f.a",
    "0f.a.b.c",
    "0f.a.b c",
    "0f..b",
    "",
    `0f.a.${"x".repeat(65)}`,
    "0f.a.b\n",
  ]) {
    assert.throws(() => deviceUserJwt(authority, { ...TIMES, key, publicNkey: publicKey }), {
      code: "invalid-argument",
    });
  }
  const { id } = natsClaims(authority, OPTIONS).fleet;
  for (const publicNkey of ["", id, seed, publicKey.slice(1), `${publicKey}A`, publicKey.replace(/.$/u, "1")]) {
    const issuing = (): string => deviceUserJwt(authority, { ...TIMES, key: "0f.a.b", publicNkey });
    assert.throws(
      issuing,
      (thrown: Error) => thrown.message.includes("is not valid") && !thrown.message.includes(seed),
    );
  }
});

void test("no two keys are alike", () => {
  const seeds = [createNatsAuthority(), createNatsAuthority()].flatMap((each) => Object.values(each) as string[]);
  assert.equal(new Set(seeds).size, 14);
});
