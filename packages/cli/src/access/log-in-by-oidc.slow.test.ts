import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { approveDevice, OIDC_CLIENT, OidcRoom } from "@mpo/coordinator/testing";
import { cacheFolder } from "@mpo/datasets";
import { noNatsServer, testFolder } from "../test-support/fleet-room.ts";
import { type CommandOutcome, type StartedCommand, startCommand } from "../testing/run-command.ts";

void it("mpo login --oidc: a person logs in by a page, may what its groups may, and leaves no secret anywhere", {
  skip: noNatsServer,
}, async (t) => {
  const room = await OidcRoom.open();
  t.after(async () => await room[Symbol.asyncDispose]());
  room.groups.set("ann", ["readers"]);
  room.groups.set("bob", ["others"]);
  const folder = await testFolder(t);
  const [server, laptop] = ["server", "laptop"].map((name) => ({
    ...process.env,
    ...{ MPO_CACHE: cacheFolder(process.env, homedir()), HOME: join(folder, name) },
    ...{ XDG_STATE_HOME: join(folder, name, "state"), XDG_CONFIG_HOME: join(folder, name, "config") },
  }));
  const start = (args: readonly string[], environment = laptop): StartedCommand =>
    startCommand([...args, "--json"], environment === undefined ? {} : { environment });
  const run = async (...args: readonly string[]): Promise<CommandOutcome> => await start(args).outcome;
  const logIn = async (user: string, more: readonly string[], isDenying = false): Promise<CommandOutcome> => {
    const command = start(["login", "--oidc", ...more]);
    const { url } = await command.record(({ event }) => event === "approve");
    await approveDevice(String(url), { user, isDenying });
    return await command.outcome;
  };

  const oidc = ["--oidc-issuer", room.issuer, "--oidc-client-id", OIDC_CLIENT, "--oidc-role", "readers=viewer"];
  const coordinator = start(
    ["coordinator", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", join(folder, "data"), ...oidc],
    server,
  );
  t.after(async () => {
    coordinator.signal("SIGTERM");
    await coordinator.outcome;
  });
  const { grpc } = await coordinator.record(({ event }) => event === "ready");
  const target = String(grpc);
  const ca = join(folder, "ca.pem");
  const exported = await start(["ca", "export", "--coordinator", target, "--output", ca], server).outcome;
  assert.equal(exported.code, 0, exported.stderr);

  const unknown = await run("login", "--oidc", "--coordinator", target);
  assert.notEqual(unknown.code, 0);
  const way = ["--coordinator", target, "--ca", ca];
  const [denied, bob] = await Promise.all([logIn("ann", way, true), logIn("bob", way)]);
  assert.match(denied.stderr, /permission-denied.*: the login was denied/u);
  assert.match(bob.stderr, /permission-denied.*: the token of bob .* has 1 groups, and none with a role here/u);
  assert.notEqual((await run("whoami")).code, 0, "nothing is kept of a login that failed");

  const ann = await logIn("ann", [...way, "--name", "home"]);
  assert.equal(ann.code, 0, ann.stderr);
  const name = `ann (${new URL(room.issuer).host})`;
  assert.equal(ann.records.find(({ event }) => event === "logged-in")?.["name"], name);
  const who = await run("whoami");
  assert.deepEqual([who.records[0]?.["name"], who.records[0]?.["role"]], [name, "viewer"]);
  assert.equal((await run("devices", "list")).code, 0);
  assert.match((await run("access", "list")).stderr, /permission-denied/u);

  const stopped = start(["login", "--oidc", ...way]);
  await stopped.record(({ event }) => event === "approve");
  const beganMs = Date.now();
  stopped.signal("SIGINT");
  assert.equal((await stopped.outcome).code, 130);
  assert.ok(Date.now() - beganMs < 2_000);

  // The file is the owner's alone; what is in it is nowhere else.
  const file = join(folder, "laptop", "config", "mpoptimizer", "contexts.json");
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(folder, "laptop", "config", "mpoptimizer")), ["contexts.json"]);
  const { contexts } = JSON.parse(await readFile(file, "utf8")) as {
    readonly contexts: readonly {
      readonly context: { readonly token: string; readonly oidc: Record<string, string> };
    }[];
  };
  const { token = "", oidc: kept = {} } = contexts[0]?.context ?? {};
  coordinator.signal("SIGTERM");
  const said = [await coordinator.outcome, ann, bob, denied, who].map(({ stdout, stderr }) => stdout + stderr).join("");
  for (const secret of [token, kept["refreshToken"] ?? ""]) {
    assert.ok(secret.length > 20);
    assert.ok(!said.includes(secret));
  }
});
