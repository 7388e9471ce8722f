import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { browse, OIDC_CLIENT, OidcRoom } from "@mpo/coordinator/testing";
import { cacheFolder } from "@mpo/datasets";
import { noNatsServer, testFolder } from "../test-support/fleet-room.ts";
import { startCommand } from "../testing/run-command.ts";
import { startOidcCoordinator } from "../testing/start-daemon.ts";

void it("the console: people sign in by their provider's page, or by a link of mpo console", {
  skip: noNatsServer,
}, async (t) => {
  const room = await OidcRoom.open();
  t.after(async () => await room[Symbol.asyncDispose]());
  room.groups.set("ann", ["readers"]);
  room.groups.set("bob", ["others"]);
  const folder = await testFolder(t);
  const environment = {
    ...process.env,
    ...{ MPO_CACHE: cacheFolder(process.env, homedir()), HOME: folder, BROWSER: "", DISPLAY: "", WAYLAND_DISPLAY: "" },
    ...{ XDG_STATE_HOME: join(folder, "state"), XDG_CONFIG_HOME: join(folder, "config") },
  };
  const provider = { issuer: room.issuer, clientId: OIDC_CLIENT };
  const { ready, stop } = await startOidcCoordinator(t, { ...provider, folder }, { environment });
  const url = String(ready["console"]);
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => await fetch(`${url}${path}`, init);
  const page = { "content-type": "application/json", "x-mpo-console": "1", origin: url };
  const state = async (session: string): Promise<Record<string, unknown>> =>
    (await (await ask("/session", { headers: { cookie: `mpo=${session}` } })).json()) as Record<string, unknown>;

  const ann = await browse(`${url}/session/oidc`, { user: "ann" });
  assert.equal(ann.url, `${url}/`);
  const session = ann.cookies.get("mpo") ?? "";
  const { person } = await state(session);
  const { name, role, expiresAtMs } = person as {
    readonly name: string;
    readonly role: string;
    readonly expiresAtMs: number;
  };
  assert.deepEqual([name, role], [`ann (${new URL(room.issuer).host})`, "viewer"]);
  assert.ok(expiresAtMs - Date.now() < 3_600_000 && expiresAtMs - Date.now() > 3_500_000, "an hour");
  assert.equal(ann.cookies.has("mpo-oidc"), false, "used up");
  const write = await ask("/api/v1/saveGroup", {
    ...{ method: "POST", headers: { ...page, cookie: `mpo=${session}` } },
    body: JSON.stringify({ tenant: "default", name: "x", where: "memory > 1B" }),
  });
  assert.equal(write.status, 403);

  const bob = await browse(`${url}/session/oidc`, { user: "bob" });
  assert.match(
    decodeURIComponent(bob.url),
    /\/sign-in#error=the token of bob .* has 1 groups, and none with a role here$/u,
  );
  assert.equal(bob.cookies.has("mpo"), false);

  // What another browser brings back, and words that would be headers of their own.
  const begun = await ask("/session/oidc", { redirect: "manual" });
  const kept = begun.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  assert.match(begun.headers.getSetCookie()[0] ?? "", /; HttpOnly; SameSite=Lax$/u);
  const { searchParams } = new URL(begun.headers.get("location") ?? "");
  assert.deepEqual([searchParams.get("code_challenge_method"), searchParams.get("response_type")], ["S256", "code"]);
  const back = async (query: string, cookie?: string): Promise<string> => {
    const answer = await ask(`/session/oidc/callback?${query}`, {
      ...{ redirect: "manual", headers: cookie === undefined ? {} : { cookie } },
    });
    assert.equal(answer.status, 302);
    assert.ok(answer.headers.getSetCookie().every((line) => !line.startsWith("mpo=")));
    return decodeURIComponent(answer.headers.get("location") ?? "");
  };
  const issuer = `iss=${encodeURIComponent(room.issuer)}`;
  assert.match(await back(`code=x&state=y&${issuer}`), /has not begun a login/u);
  assert.match(await back(`code=x&state=stolen&${issuer}`, kept), /not the answer to the login/u);
  const denied = `error=access_denied&state=${searchParams.get("state")}&${issuer}`;
  assert.match(await back(denied, kept), /#error=the login was denied$/u);
  const evil = `error=x%0d%0aset-cookie:mpo=evil&state=${searchParams.get("state")}&${issuer}`;
  assert.match(await back(evil, kept), /refuses the login: x\s?.?set-cookie/u);

  const grpc = String(ready["grpc"]);
  const linked = await startCommand(["console", "--coordinator", grpc, "--json"], { environment }).outcome;
  assert.equal(linked.code, 0, linked.stderr);
  const link = String(linked.records[0]?.["link"]);
  const [, code] = /^http:\/\/127\.0\.0\.1:\d+\/#code=(mpo_\S+)$/u.exec(link) ?? assert.fail(link);
  const signIn = async (): Promise<Response> =>
    await ask("/session", { method: "POST", headers: page, body: JSON.stringify({ code }) });
  const [first, second] = [await signIn(), await signIn()];
  assert.deepEqual([first.status, second.status], [200, 401]);
  const said = await stop();
  for (const secret of [code ?? "", session])
    assert.ok(secret.length > 20 && !(said.stdout + said.stderr).includes(secret));
});
