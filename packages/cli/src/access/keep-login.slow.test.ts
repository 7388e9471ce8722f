import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { OIDC_CLIENT, OidcRoom } from "@mpo/coordinator/testing";
import { MpoError } from "@mpo/core";
import { type Clock, systemClock } from "@mpo/io";
import { contextNamed, type FleetContext, readContexts, writeContexts } from "./contexts.ts";
import { type FleetAccess, findFleet } from "./find-fleet.ts";
import { freshContext, keepToken, keptLogin } from "./keep-login.ts";

/** Slow because commands that run at one time take turns by a lock of the system's, for which a program is started. */
void describe("a login that is kept", () => {
  let room: OidcRoom;
  let home: string;
  let files: { readonly environment: Readonly<Record<string, string>> };
  let context: FleetContext;

  const keep = async (kept: FleetContext): Promise<void> =>
    await writeContexts({ current: "home", all: new Map([["home", kept]]) }, files);
  const kept = async (): Promise<FleetContext> => contextNamed(await readContexts(files), "home")[1];
  const endingIn = (ms: number): FleetContext => {
    const { oidc } = context;
    assert.ok(oidc !== undefined);
    return { ...context, oidc: { ...oidc, expiresAtMs: Date.now() + ms } };
  };
  const token = async (): Promise<string | undefined> =>
    (await findFleet({ insecure: false, context: "home" }, files)).token;

  beforeEach(async () => {
    room = await OidcRoom.open();
    home = await mkdtemp(join(tmpdir(), "mpo-login-"));
    files = { environment: { XDG_CONFIG_HOME: home } };
    const { id_token, refresh_token: refreshToken } = await room.logIn("ann");
    const login = { issuer: room.issuer, clientId: OIDC_CLIENT, token: id_token, refreshToken };
    const fleet = { coordinators: ["127.0.0.1:7443"], caPem: "a certificate" };
    context = { ...fleet, ...keptLogin({ ...login, expiresAtMs: Date.now() + 600_000 }) };
  });
  afterEach(async () => {
    await room[Symbol.asyncDispose]();
    await rm(home, { recursive: true, force: true });
  });

  void it("is used as it is while it is good", async () => {
    await keep(context);
    await room.down();
    assert.equal(await token(), context.token);
    assert.deepEqual(await kept(), context);
  });

  void it("is renewed before it ends, once, by whichever of many commands comes first", async () => {
    await keep(endingIn(30_000));
    const tokens = await Promise.all(Array.from({ length: 4 }, token));
    assert.equal(new Set(tokens).size, 1);
    assert.notEqual(tokens[0], context.token);
    const { token: now, oidc } = await kept();
    assert.equal(now, tokens[0]);
    assert.ok((oidc?.expiresAtMs ?? 0) > Date.now() + 500_000);
    // The provider has not taken it for a stolen one.
    await keep({ ...(await kept()), oidc: { ...oidc, expiresAtMs: 0 } as never });
    assert.notEqual(await token(), now);
  });

  void it("serves to its end while the provider is down, and no longer", async () => {
    await keep(endingIn(30_000));
    await room.down();
    assert.equal(await token(), context.token);
    await keep(endingIn(-1));
    await assert.rejects(token(), { code: "unavailable", message: /OpenID provider/u });
  });

  void it("ends where the provider gives no further token, and where its context is gone", async () => {
    const { oidc } = endingIn(0);
    await keep({ ...context, oidc: { ...oidc, refreshToken: "another" } as never });
    await assert.rejects(token(), { code: "unauthenticated", hint: /mpo login --oidc/u });
    await keep(endingIn(0));
    await assert.rejects(freshContext("other", endingIn(0), files, { clock: systemClock }), { code: "not-found" });
  });

  void it("is renewed in the background of a command that runs for long", async () => {
    const clock: Clock = { ...systemClock, sleep: (ms, options) => systemClock.sleep(ms / 1000, options) };
    await keep(endingIn(30_000));
    const access = await findFleet({ insecure: false, context: "home" }, files);
    const ends = new AbortController();
    const taken: (string | undefined)[] = [];
    let failures = 1;
    const renewal = (): NonNullable<FleetAccess["renewal"]> => ({
      dueMs: 0,
      renew: async () => {
        await systemClock.sleep(1);
        failures -= 1;
        if (failures === 0) throw new MpoError("unavailable", "the provider is down");
        return { ...access, token: `token ${taken.length}`, renewal: renewal() };
      },
    });
    const keeping = keepToken({ ...access, renewal: renewal() }, (next) => taken.push(next), {
      clock,
      signal: ends.signal,
    });
    await systemClock.sleep(150);
    ends.abort();
    await keeping;
    assert.ok(taken.length >= 3, `${taken.length}`);
    assert.deepEqual(taken.slice(0, 2), ["token 0", "token 1"]);
  });
});
