import assert from "node:assert/strict";
import { request } from "node:http";
import { describe, it } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import {
  type Answer,
  answerOf,
  type HttpRoom,
  httpRoom,
  newKeys,
  ofPage,
  sessionIn,
} from "../test-support/http-room.ts";
import { eventually, freshServer } from "../testing/tiny-fleet.ts";

async function signIn(room: HttpRoom, body: object, before?: string): Promise<Answer> {
  return await answerOf(await room.ask("/session", { method: "POST", body, headers: ofPage(room.url, before) }));
}

/** A call as a page of the console makes it. */
async function pageCall(
  room: HttpRoom,
  session: string | undefined,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const answer = await room.call("whoAmI", undefined, {}, { headers: { ...ofPage(room.url, session), ...headers } });
  return answer.status;
}

async function sessionOf(room: HttpRoom, token: string): Promise<string> {
  return sessionIn(await signIn(room, { token })) ?? assert.fail("no session");
}

void describe("signing in to the console", () => {
  void it("makes a session of the same person, good at every coordinator, listed, and ended by signing out", async (t) => {
    const [store, keys] = [freshServer(), await newKeys()];
    const [room, other] = [await httpRoom(t, { store, keys }), await httpRoom(t, { store, keys })];
    const admin = await room.token("admin");
    const made = await room.call("createAccessToken", admin, {
      name: "ann",
      role: "operator",
      tenant: "acme",
      validMs: 1e6,
    });
    const line = String(made.body["loginString"]);
    assert.match(line, /^mpo-login-/u);
    const answer = await signIn(room, { token: ` ${line}\n` });
    assert.equal(answer.status, 200);
    const { name, role, tenant } = answer.body["person"] as Record<string, string>;
    assert.deepEqual([name, role, tenant], ["ann", "operator", "acme"]);
    const [cookie = ""] = answer.headers.getSetCookie();
    // It ends with the token.
    assert.match(cookie, /^mpo=mpo_[\w-]{43}; Max-Age=(?:999|1000); Path=\/; HttpOnly; SameSite=Strict$/u);
    const session = sessionIn(answer);
    assert.ok(session !== undefined && !line.includes(session));
    assert.equal(await pageCall(room, session), 200);
    assert.equal(await pageCall(other, session), 200, "also before the other coordinator has heard of it");
    const listed = await room.call("listAccessTokens", admin);
    const names = (listed.body["tokens"] as readonly { name: string }[]).map((token) => token.name);
    assert.ok(names.includes("console session of ann"), names.join());
    const events = await room.call("listEvents", admin, { tenant: "_fleet", pageSize: 5 });
    const [{ kind, actor, message } = assert.fail()] = events.body["events"] as readonly Record<string, string>[];
    assert.equal(kind, "console-signed-in");
    assert.match(String(actor), /^ann, call /u);
    assert.match(String(message), /by token, until 20/u);

    const state = await answerOf(await other.ask("/session", { headers: { cookie: `mpo=${session}` } }));
    assert.deepEqual([state.body["isSignedIn"], state.body["needsSignIn"], state.body["fleet"]], [true, true, "home"]);
    const out = await other.ask("/session", { method: "DELETE", headers: ofPage(other.url, session) });
    assert.equal(out.status, 204);
    assert.match(out.headers.getSetCookie()[0] ?? "", /^mpo=; Max-Age=0; /u);
    assert.equal(await pageCall(other, session), 401);
    await eventually(async () => (await pageCall(room, session)) === 401 || undefined);
  });

  void it("by a code works once, in a race of a hundred", async (t) => {
    const room = await httpRoom(t);
    const viewer = await room.token("viewer", "acme");
    const { body } = await room.call("createConsoleCode", viewer);
    assert.deepEqual([body["url"], body["validMs"]], [room.url, 60_000]);
    const code = String(body["code"]);
    assert.equal((await room.call("whoAmI", code)).status, 401, "a code is no token");
    const { accessTokens } = room.coordinator.identities ?? assert.fail();
    assert.ok(!JSON.stringify(accessTokens.list()).includes("code"));
    // Past the limit of tries for one address.
    const tries = await Promise.allSettled(Array.from({ length: 100 }, () => accessTokens.redeem(code)));
    assert.equal(tries.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal((await signIn(room, { code })).status, 401);
    const again = await room.call("createConsoleCode", viewer);
    const signed = await signIn(room, { code: again.body["code"] });
    assert.equal((signed.body["person"] as Record<string, string>)["role"], "viewer");
  });

  void it("ends when the token behind it is revoked, or a minute has gone before a code is used", async (t) => {
    const clock = new VirtualClock(Date.now());
    const store = freshServer();
    const room = await httpRoom(t, { store, clock });
    const { accessTokens } = room.coordinator.identities ?? assert.fail();
    const made = await accessTokens.create({ name: "ann", role: "viewer", validMs: 86_400_000 }, "test");
    const session = await sessionOf(room, made.secret);
    const { body } = await room.call("createConsoleCode", made.secret);
    await clock.advance(61_000);
    assert.equal((await signIn(room, { code: body["code"] })).status, 401);
    assert.equal(await pageCall(room, session), 200);
    await clock.advance(12 * 3_600_000);
    assert.equal(await pageCall(room, session), 401, "after a working day");
    const second = await sessionOf(room, made.secret);
    assert.equal(await pageCall(room, second), 200);
    await accessTokens.revoke(made.token.id);
    assert.equal(await pageCall(room, second), 401);
  });

  void it("is asked of nobody with --insecure, on this machine alone", async (t) => {
    const room = await httpRoom(t, { insecure: true });
    const state = await answerOf(await room.ask("/session"));
    assert.deepEqual(state.body, { isSignedIn: true, needsSignIn: false });
    assert.equal(await pageCall(room, undefined), 200);
    assert.equal((await room.call("whoAmI", undefined)).status, 403, "a page of any site could send that");
    assert.equal((await signIn(room, { token: "x" })).status, 400);
    const code = await room.call("createConsoleCode", undefined, {}, { headers: ofPage(room.url) });
    assert.deepEqual(code.body, { url: room.url, validMs: 60_000 });
  });

  void it("is refused to who guesses", async (t) => {
    const room = await httpRoom(t);
    const guesses = await Promise.all(
      Array.from({ length: 40 }, (_, index) => signIn(room, { token: `mpo_${index}` })),
    );
    const statuses = guesses.map(({ status }) => status);
    assert.ok(statuses.filter((status) => status === 429).length >= 15, statuses.join());
    assert.ok(statuses.every((status) => status === 401 || status === 429));
    for (const { headers } of guesses) assert.deepEqual(headers.getSetCookie(), []);
  });
});

void describe("other sites' pages", () => {
  const FOREIGN: readonly Readonly<Record<string, string>>[] = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:1" },
    { origin: "http://127.0.0.1.evil.example" },
    { origin: "", "sec-fetch-site": "cross-site" },
    { "x-mpo-console": "" },
    { "x-mpo-console": "0" },
  ];

  void it("change nothing: with another origin, without one, by a form, without the header", async (t) => {
    const room = await httpRoom(t, { settings: { callsPerSecond: 10_000 } });
    const token = await room.token("admin");
    const session = await sessionOf(room, token);
    const group = { tenant: "acme", name: "stolen", where: "memory > 1B" };
    for (const foreign of FOREIGN) {
      const headers = { ...ofPage(room.url, session), ...foreign };
      const saved = await room.ask("/api/v1/saveGroup", { method: "POST", body: group, headers });
      const signed = await room.ask("/session", { method: "POST", body: { token }, headers });
      const out = await room.ask("/session", { method: "DELETE", headers });
      assert.deepEqual([saved.status, signed.status, out.status], [403, 403, 403], JSON.stringify(foreign));
      assert.equal(sessionIn(signed as never), undefined);
    }
    const { origin: _, ...bare } = ofPage(room.url, session) as Record<string, string>;
    assert.equal((await room.ask("/api/v1/saveGroup", { method: "POST", body: group, headers: bare })).status, 403);
    for (const type of ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]) {
      const headers = { ...ofPage(room.url, session), "content-type": type };
      const body = JSON.stringify(group);
      assert.equal((await room.ask("/api/v1/saveGroup", { method: "POST", body, headers })).status, 400, type);
    }
    const asked = await room.ask("/api/v1/events?tenant=acme", {
      headers: { cookie: `mpo=${session}`, "sec-fetch-site": "cross-site" },
    });
    assert.equal(asked.status, 403);
    const preflight = await room.ask("/api/v1/saveGroup", {
      method: "OPTIONS",
      headers: { origin: "https://evil.example" },
    });
    assert.equal(preflight.status, 405);
    assert.equal(preflight.headers.get("access-control-allow-origin"), null);
    const groups = await room.call("listGroups", token, { tenant: "acme" });
    assert.deepEqual(groups.body["groups"], []);
    assert.equal(await pageCall(room, session), 200, "and nobody was signed out");
  });

  void it("plant no session: what a browser brings is replaced, and only what a sign-in has made counts", async (t) => {
    const room = await httpRoom(t);
    const token = await room.token("admin");
    const planted = await sessionOf(room, await room.token("viewer"));
    assert.equal(await pageCall(room, token), 401, "an access token is no session");
    assert.equal(await pageCall(room, "mpo_anything"), 401);
    assert.equal(await pageCall(room, `${planted}; mpo=${planted}`), 401, "two of a name: one is somebody else's");
    const own = sessionIn(await signIn(room, { token }, planted));
    assert.ok(own !== undefined && own !== planted);
    assert.equal(await pageCall(room, planted), 401, "it has ended");
    assert.equal(await pageCall(room, own), 200);
  });

  void it("do not become ours by another name for this machine (DNS rebinding)", async (t) => {
    const room = await httpRoom(t, { insecure: true });
    const { port } = room.server.address;
    const statusOf = (host: string, origin: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const headers = { ...ofPage(origin), host, "content-type": "application/json" };
        const asked = request({
          host: "127.0.0.1",
          port,
          path: "/api/v1/whoAmI",
          method: "POST",
          headers,
          agent: false,
        });
        asked.once("response", (answer) => resolve(answer.resume().statusCode ?? 0)).once("error", reject);
        asked.end("{}");
      });
    assert.equal(await statusOf(`evil.example:${port}`, `http://evil.example:${port}`), 403);
    assert.equal(await statusOf(`127.0.0.1.evil.example:${port}`, `http://127.0.0.1.evil.example:${port}`), 403);
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, "localhost:9000"]) {
      assert.equal(await statusOf(host, `http://${host}`), 200, host);
    }
  });

  void it("are named by the URL of a proxy in front, and by no other", async (t) => {
    const consoleUrl = "https://fleet.example.org";
    const room = await httpRoom(t, { settings: { consoleUrl } });
    const token = await room.token("admin");
    const headers = { ...ofPage(consoleUrl), host: "fleet.example.org" };
    const answer = await room.ask("/session", { method: "POST", body: { token }, headers });
    assert.equal(answer.status, 200);
    assert.match(answer.headers.getSetCookie()[0] ?? "", /^__Host-mpo=mpo_.*; Secure$/u);
    const { body } = await room.call("createConsoleCode", token);
    assert.equal(body["url"], consoleUrl);
    const evil = await room.ask("/session", {
      method: "POST",
      body: { token },
      headers: { ...headers, origin: "https://fleet.example.org.evil" },
    });
    assert.equal(evil.status, 403);
  });

  void it("hold no page of ours in a frame, and every answer says so", async (t) => {
    const room = await httpRoom(t);
    for (const path of [
      "/",
      "/devices/x",
      "/sign-in",
      "/session",
      "/healthz",
      "/api/v1/openapi.json",
      "/api/v1/whoAmI",
      "/a.b",
      "/%0d%0aset-cookie:x=y",
    ]) {
      const { headers } = await room.ask(path);
      const policy = headers.get("content-security-policy") ?? "";
      assert.match(policy, /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/u, path);
      assert.doesNotMatch(policy, /unsafe|\*|https?:/u);
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("referrer-policy"), "no-referrer");
      assert.equal(headers.get("cross-origin-opener-policy"), "same-origin");
      assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
      assert.equal(headers.get("x-frame-options"), "DENY");
      assert.deepEqual(headers.getSetCookie(), [], path);
      assert.match(headers.get("cache-control") ?? "", /no-store|no-cache/u);
    }
  });
});
