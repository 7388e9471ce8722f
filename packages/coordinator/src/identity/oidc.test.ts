import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { MpoError, type MpoErrorCode, NOT_ON_A_LINE } from "@mpo/core";
import { VirtualClock } from "@mpo/io/testing";
import { decodeJwt, exportSPKI, generateKeyPair, importJWK, type JWTPayload, SignJWT } from "jose";
import { OIDC_CLIENT, OidcRoom, OTHER_CLIENT } from "../testing/oidc-room.ts";
import type { VerifyPerson } from "./identify.ts";
import { createOidcVerifier, type GroupRole } from "./oidc.ts";

const MINUTE_MS = 60_000;
const ROLES: readonly GroupRole[] = [
  { group: "everybody", role: "viewer" },
  { group: "north", role: "admin", tenant: "north" },
  { group: "cn=ops,dc=example", role: "operator" },
];

void describe("tokens of an OpenID provider", () => {
  let room: OidcRoom;
  let clock: VirtualClock;
  let verify: (token: string) => ReturnType<VerifyPerson>;

  const verifier = (fetch?: (url: string, options: RequestInit) => Promise<Response>): typeof verify => {
    const settings = { issuer: room.issuer, clientId: OIDC_CLIENT, groupsClaim: "groups", roles: ROLES };
    const one = createOidcVerifier(settings, { clock, ...(fetch === undefined ? {} : { fetch }) });
    return (token) => one(token, new AbortController().signal);
  };
  const pass = async (ms: number): Promise<void> => void (await clock.advance(ms));
  /** Signed by the issuer's own key, whatever it says. */
  const signed = async (claims: JWTPayload, kid: string | undefined = room.key.kid): Promise<string> =>
    await new SignJWT({ iss: room.issuer, aud: OIDC_CLIENT, sub: "eve", groups: ["everybody"], ...claims })
      .setProtectedHeader({ alg: "ES256", kid: kid ?? "" })
      .setExpirationTime(claims.exp ?? Math.round(clock.now() / 1000) + 600)
      .sign(await importJWK(room.key, "ES256"));
  const refuses = async (token: string, code: MpoErrorCode, says: RegExp): Promise<void> => {
    await assert.rejects(verify(token), (thrown: unknown) => {
      assert.ok(thrown instanceof MpoError);
      assert.equal(thrown.code, code, thrown.message);
      assert.match(thrown.message, says);
      assert.equal(thrown.cause, undefined);
      for (const part of token.split(".").filter((one) => one !== ""))
        assert.ok(!`${thrown.message}${thrown.hint}`.includes(part));
      return true;
    });
  };

  before(async () => {
    room = await OidcRoom.open();
  });
  after(async () => await room[Symbol.asyncDispose]());
  beforeEach(() => {
    clock = new VirtualClock(Date.now());
    verify = verifier();
    room.groups.set("ann", ["cn=ops,dc=example", "others"]);
  });

  void it("say who a person is, and what its groups may", async () => {
    const { id_token } = await room.logIn("ann");
    assert.deepEqual(await verify(id_token), {
      name: `ann (${new URL(room.issuer).host})`,
      role: "operator",
      expiresAtMs: (decodeJwt(id_token).exp ?? 0) * 1000,
    });
  });

  void it("give the highest role of all groups, and all tenants before one", async () => {
    const rolesOf = async (groups: unknown): Promise<unknown> => {
      const { role, tenant } = await verify(await signed({ groups }));
      return [role, tenant];
    };
    assert.deepEqual(await rolesOf(["everybody", "cn=ops,dc=example"]), ["operator", undefined]);
    assert.deepEqual(await rolesOf(["everybody", "north"]), ["admin", "north"]);
    assert.deepEqual(await rolesOf("everybody"), ["viewer", undefined]);
  });

  void it("make no name that does not fit the audit's line", async () => {
    const { name } = await verify(await signed({ preferred_username: `a\nb\u202e${"c".repeat(300)}` }));
    assert.match(name, /^a b c+ \(127\.0\.0\.1:\d+\)$/u);
    assert.ok(name.length <= 64);
    const { name: cut } = await verify(await signed({ preferred_username: `${"\u{1f600}".repeat(50)}x` }));
    const { name: cutOdd } = await verify(await signed({ preferred_username: `x${"\u{1f600}".repeat(50)}` }));
    for (const one of [cut, cutOdd]) assert.ok(!NOT_ON_A_LINE.test(one));
    for (const odd of [7, "", "\n", { a: 1 }]) {
      assert.match((await verify(await signed({ preferred_username: odd }))).name, /^eve \(/u);
    }
  });

  void it("are of no use without a group that has a role", async () => {
    room.groups.set("bob", ["secret-project", "others"]);
    const { id_token } = await room.logIn("bob");
    await refuses(id_token, "permission-denied", /bob .*2 groups, and none with a role here/u);
    await assert.rejects(verify(id_token), (thrown: Error) => !thrown.message.includes("secret-project"));
    await refuses(await signed({ groups: undefined }), "permission-denied", /no claim "groups"/u);
  });

  void it("lose what a group gave as soon as the issuer gives the next one", async () => {
    const first = await room.logIn("ann");
    assert.equal((await verify(first.id_token)).role, "operator");
    room.groups.set("ann", []);
    const second = await room.refresh(first.refresh_token);
    await refuses(second.id_token, "permission-denied", /0 groups/u);
  });

  void it("are refused when they are for another client", async () => {
    const { id_token } = await room.logIn("ann", OTHER_CLIENT);
    await refuses(id_token, "unauthenticated", /not for the client mpo-cli/u);
    await refuses(
      await signed({ aud: [OIDC_CLIENT, OTHER_CLIENT], azp: OTHER_CLIENT }),
      "unauthenticated",
      /given to another client/u,
    );
    assert.equal((await verify(await signed({ aud: [OIDC_CLIENT, OTHER_CLIENT], azp: OIDC_CLIENT }))).role, "viewer");
  });

  void it("are refused when another issuer gave them, and ours is not even asked", async () => {
    await using other = await OidcRoom.open();
    const { id_token } = await other.logIn("ann");
    const before = room.keysAsked;
    await refuses(id_token, "unauthenticated", /neither an access token of this fleet nor a token of/u);
    for (const junk of ["", "x", "a.b.c", "mpo_abc", id_token.slice(0, -40), `${"a".repeat(20_000)}.b.c`]) {
      await assert.rejects(verify(junk), { code: "unauthenticated" });
    }
    assert.equal(room.keysAsked, before);
    // It says that it is ours, and is signed with the key of the other.
    const forged = await new SignJWT({ iss: room.issuer, aud: OIDC_CLIENT, sub: "eve", groups: ["north"] })
      .setProtectedHeader({ alg: "ES256", kid: room.key.kid ?? "" })
      .setExpirationTime("10min")
      .sign(await importJWK(other.key, "ES256"));
    await refuses(forged, "unauthenticated", /none of its keys has signed it/u);
  });

  void it("end when they say, give or take a minute between two clocks", async () => {
    const { id_token } = await room.logIn("ann");
    await verify(id_token);
    await pass(10.5 * MINUTE_MS);
    await verify(id_token);
    await pass(MINUTE_MS);
    await refuses(id_token, "unauthenticated", /has expired/u);
    const nowSeconds = Math.round(clock.now() / 1000);
    await refuses(await signed({ nbf: nowSeconds + 120 }), "unauthenticated", /"nbf"/u);
    await refuses(await signed({ sub: undefined as never }), "unauthenticated", /"sub" is missing/u);
  });

  void it("are refused without a signature, or with one that anybody can make from the public key", async () => {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { iss: room.issuer, aud: OIDC_CLIENT, sub: "eve", groups: ["north"], exp: 9_999_999_999 };
    for (const alg of ["none", "None", "nOnE"]) {
      for (const end of ["", part("x")]) {
        await refuses(`${part({ alg })}.${part(claims)}.${end}`, "unauthenticated", /no asymmetric key has signed/u);
      }
    }
    const { publicKey } = await generateKeyPair("RS256");
    for (const secret of [JSON.stringify(room.key), await exportSPKI(publicKey)]) {
      const forged = await new SignJWT(claims)
        .setProtectedHeader({ alg: "HS256", kid: room.key.kid ?? "" })
        .sign(new TextEncoder().encode(secret));
      await refuses(forged, "unauthenticated", /no asymmetric key has signed/u);
    }
    // Keys and addresses of keys that a token itself brings are not looked at.
    const own = await generateKeyPair("ES256", { extractable: true });
    const brought = await new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", jwk: own.publicKey as never, jku: "http://127.0.0.1:1/jwks" })
      .sign(own.privateKey);
    await refuses(brought, "unauthenticated", /none of its keys/u);
  });

  void it("of a new key are good at once, and those of the withdrawn one no longer", async () => {
    const first = await room.logIn("ann");
    await verify(first.id_token);
    await room.rotateKeys();
    await pass(11_000);
    const second = await room.logIn("ann");
    assert.equal((await verify(second.id_token)).role, "operator");
    await refuses(first.id_token, "unauthenticated", /none of its keys/u);
  });

  void it("of unknown keys do not make the coordinator flood the issuer", async () => {
    await verify(await signed({}));
    const before = room.keysAsked;
    for (let tries = 0; tries < 50; tries += 1) {
      await assert.rejects(verify(await signed({ jti: `${tries}` }, `key ${tries}`)), { code: "unauthenticated" });
    }
    assert.equal(room.keysAsked, before);
    await pass(10_000);
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) =>
        assert.rejects(verify(await signed({ jti: `again ${index}` }, `key ${index}`)), { code: "unauthenticated" }),
      ),
    );
    assert.equal(room.keysAsked, before + 1);
  });

  void it("that are known continue while the issuer is down, and others are neither good nor bad", async () => {
    const known = await signed({ exp: Math.round(clock.now() / 1000) + 3600 });
    await verify(known);
    const unknown = await signed({ jti: "2", exp: Math.round(clock.now() / 1000) + 7200 });
    await room.down();
    try {
      await pass(11 * MINUTE_MS);
      await refuses(unknown, "unavailable", /does not give its keys: ./u);
      assert.equal((await verify(known)).role, "viewer");
      await refuses(unknown, "unavailable", /does not give its keys/u);
      await pass(50 * MINUTE_MS);
      await refuses(known, "unavailable", /does not give its keys/u);
    } finally {
      await room.up();
    }
    await pass(10_000);
    assert.equal((await verify(unknown)).role, "viewer");
    await refuses(known, "unauthenticated", /has expired/u);
  });

  void it("wait for no issuer that is slow, endless, elsewhere or talks nonsense", async () => {
    const token = await signed({});
    const answers: readonly (readonly [RegExp, (url: string, options: RequestInit) => Promise<Response>])[] = [
      [/more than 262144 bytes/u, () => Promise.resolve(new Response(endless()))],
      [/not valid JSON/u, () => Promise.resolve(new Response("<html>"))],
      [/answers 503/u, () => Promise.resolve(new Response("{}", { status: 503 }))],
      [/another name/u, () => Promise.resolve(Response.json({ issuer: "https://other.example" }))],
      [/where its keys are/u, () => Promise.resolve(Response.json({ issuer: room.issuer }))],
      [/https/u, () => Promise.resolve(Response.json({ issuer: room.issuer, jwks_uri: "http://example.com/keys" }))],
      [/does not give its keys/u, () => Promise.resolve(Response.json({ issuer: room.issuer, jwks_uri: room.issuer }))],
    ];
    for (const [says, fetch] of answers) {
      verify = verifier(fetch);
      await refuses(token, "unavailable", says);
    }
    const silent = verifier(
      (_, { signal: end }) =>
        new Promise((_resolve, reject) => end?.addEventListener("abort", () => reject(end.reason as Error))),
    );
    const waiting = assert.rejects(silent(token), { code: "unavailable" });
    await pass(5_000);
    await waiting;
    const gone = createOidcVerifier(
      { issuer: room.issuer, clientId: OIDC_CLIENT, groupsClaim: "groups", roles: ROLES },
      { clock, fetch: () => new Promise(() => undefined) },
    );
    await assert.rejects(gone(token, AbortSignal.abort()), { code: "cancelled" });
  });

  void it("come from an issuer that does not send us elsewhere", async () => {
    const token = await signed({});
    room.instead = (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end();
    try {
      await refuses(token, "unavailable", /redirect/u);
    } finally {
      room.instead = undefined;
    }
  });
});

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(65_536).fill(32)) });
}
