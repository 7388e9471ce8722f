import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { chmod, chown, copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { EXIT_CODES } from "@mpo/runtime";
import { findNatsServer } from "@mpo/transport";
import { natsServerPlaces } from "../fleet/coordinator-places.ts";
import { noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { type CommandOutcome, startCommand } from "../testing/run-command.ts";

type Run = (args: readonly string[], more?: object) => Promise<CommandOutcome>;

/** A machine whose config files say where its daemons keep their state. */
async function installedMachine(t: TestContext): Promise<{ readonly folder: string; readonly mpo: Run }> {
  const folder = await testFolder(t);
  await writeFile(join(folder, "agent.toml"), 'data = "agent"\n');
  await writeFile(join(folder, "coordinator.toml"), 'data = "coordinator"\n');
  const environment = { PATH: process.env["PATH"], HOME: process.env["HOME"], XDG_STATE_HOME: join(folder, "state") };
  return {
    folder,
    mpo: async (args, more = {}) =>
      await startCommand(args, { configFolder: folder, userName: "root", environment, ...more }).outcome,
  };
}

describe("commands that look at a daemon's folder", () => {
  it("find it where the daemon does: option, environment, config file, default", async (t) => {
    const { folder, mpo } = await installedMachine(t);
    const environment = { XDG_STATE_HOME: join(folder, "state"), MPO_COORDINATOR_DATA: join(folder, "variable") };
    const cases: readonly (readonly [string, readonly string[], object])[] = [
      ["option", ["--data", join(folder, "option")], { environment }],
      ["variable", [], { environment }],
      ["coordinator", [], {}],
      ["state/mpoptimizer/coordinator", [], { userName: "ada" }],
    ];
    for (const [place, args, more] of cases) {
      assert.equal((await mpo(["nats", "setup", ...args], more)).code, EXIT_CODES.ok, place);
      assert.ok(existsSync(join(folder, place, "authority")), place);
    }
    const key = join(folder, "private");
    await mkdir(key, { mode: 0o700 });
    const exported = await mpo(["keys", "export-root", "--output", join(key, "root.pem")]);
    assert.ok(exported.stdout.includes(join(folder, "coordinator/authority")), exported.stderr);
    const backup = await mpo(["backup", "create", join(folder, "fleet.tar")]);
    assert.ok(backup.stderr.includes(`there is no store in ${join(folder, "coordinator/nats")}`), backup.stderr);
  });

  it("take the file's other options too, and refuse a file that is wrong", async (t) => {
    const { folder, mpo } = await installedMachine(t);
    await writeFile(join(folder, "coordinator.toml"), 'data = "coordinator"\nnats = ["nats://127.0.0.1:1"]\n');
    const asked = await mpo(["backup", "create", join(folder, "fleet.tar")]);
    assert.match(asked.stderr, /127\.0\.0\.1:1/u);
    await writeFile(join(folder, "coordinator.toml"), "dota = 1\n");
    const refused = await mpo(["backup", "create", join(folder, "fleet.tar")]);
    assert.match(refused.stderr, /dota is not known.*\nhint: .*mpo config-file check/u);
    assert.equal(refused.code, EXIT_CODES.usage);
  });

  it("are bundled for support", { timeout: 240_000 }, async (t) => {
    const { folder, mpo } = await installedMachine(t);
    await mkdir(join(folder, "agent/state"), { recursive: true });
    await writeFile(join(folder, "agent/state/starts"), "3\n");
    const file = join(folder, "bundle.tar.gz");
    assert.equal((await mpo(["support-bundle", "--output", file])).code, EXIT_CODES.ok);
    const texts = spawnSync("tar", ["xzOf", file], { encoding: "utf8", maxBuffer: 64e6 }).stdout;
    assert.ok(texts.includes(`${join(folder, "agent")}\n`));
  });

  it("check an installed coordinator's store", { skip: noNatsServer, timeout: 120_000 }, async (t) => {
    const { folder, mpo } = await installedMachine(t);
    await (await startCoordinator(t, folder)).stop();
    const checked = await mpo(["store", "check"]);
    assert.match(checked.stdout, /no stream is damaged/u, checked.stderr);
  });

  const skip = process.geteuid?.() === 0 ? false : "needs root";
  it("leave to another user what is theirs, where root runs them", { skip, timeout: 120_000 }, async (t) => {
    const OTHER = 12_345;
    const { folder, mpo } = await installedMachine(t);
    await chmod(folder, 0o755);
    for (const name of ["agent", "coordinator"]) {
      await mkdir(join(folder, name), { mode: 0o750 });
      await chown(join(folder, name), OTHER, OTHER);
    }
    const isTheirs = (path: string): void => assert.equal(statSync(join(folder, path)).uid, OTHER, path);
    assert.match((await mpo(["agent", "key"])).stdout, /,[0-9a-f]{64}/u);
    isTheirs("agent/identity/device-key.pem");
    assert.equal((await mpo(["nats", "setup", "--output", join(folder, "own")])).code, EXIT_CODES.ok);
    isTheirs("coordinator/authority");
    assert.match(await readFile(join(folder, "own/fleet.conf"), "utf8"), /^operator: /u);
    if (noNatsServer !== false) return;
    await (await startCoordinator(t, folder)).stop();
    assert.equal(spawnSync("chown", ["-R", `${OTHER}:${OTHER}`, join(folder, "coordinator")]).status, 0);
    // Where that user can start it.
    const { path } = await findNatsServer({ named: process.env["MPO_NATS_SERVER"], ...natsServerPlaces(process.env) });
    await copyFile(path, join(folder, "nats-server"));
    await writeFile(join(folder, "coordinator.toml"), 'data = "coordinator"\nnats-server = "nats-server"\n');
    const checked = await mpo(["store", "check"]);
    assert.match(checked.stdout, /no stream is damaged/u, checked.stderr);
    const left = await readdir(join(folder, "coordinator"), { recursive: true });
    for (const name of left) isTheirs(join("coordinator", name));
    const backup = await mpo(["backup", "create", join(folder, "fleet.tar")]);
    assert.match(backup.stderr, /permission-denied.*another user's[\s\S]*hint: .*sudo -u mpo/u);
  });

  it("of another user are not made by who has no rights", async (t) => {
    const { mpo } = await installedMachine(t);
    const refused = await mpo(["agent", "key"], { userName: "ada" });
    assert.match(refused.stderr, /runs as the user mpo, and you are another\nhint: Use sudo: sudo mpo agent key/u);
    assert.equal(refused.code, EXIT_CODES.denied);
  });
});
