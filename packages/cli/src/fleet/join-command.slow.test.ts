import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { chmod, chown, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { EXIT_CODES } from "@mpo/runtime";
import { noNatsServer, testFolder, userIn } from "../test-support/fleet-room.ts";
import { type CommandOutcome, runCommand } from "../testing/run-command.ts";
import { startDaemon } from "../testing/start-daemon.ts";

const PORTS = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
/** Of nobody on any system. */
const OWNER = 54_321;

/** A coordinator, its admin, and a board: a user who knows nothing of them. */
async function startFleet(t: TestContext) {
  const folder = await testFolder(t);
  const admin = { environment: userIn(join(folder, "admin")) };
  const coordinator = await startDaemon(t, ["coordinator", ...PORTS, "--data", join(folder, "coordinator")], admin);
  const target = String(coordinator.ready["grpc"]);
  const mpo = (...args: readonly string[]): Promise<CommandOutcome> =>
    runCommand([...args, "--coordinator", target], admin);
  const board = { environment: userIn(join(folder, "board")) };
  const data = join(folder, "agent");
  return {
    ...{ folder, admin, coordinator, target, mpo, board, data },
    line: async (...options: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await mpo("token", "create", ...options);
      assert.match(stdout, /^mpo-join-/u, stderr);
      const path = join(folder, "join.txt");
      await writeFile(path, stdout);
      return `@${path}`;
    },
    join: (line: string, ...options: readonly string[]): Promise<CommandOutcome> =>
      runCommand(["agent", "join", line, "--device", "pi-7", "--data", data, "--wait", "1s", ...options], board),
  };
}

function assertFails({ code, stdout, stderr }: CommandOutcome, expected: number, says: RegExp): void {
  assert.match(stderr, says);
  assert.equal(code, expected, `${stdout}${stderr}`);
}

async function untilTrue(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((wake) => setTimeout(wake, 50));
}

describe("mpo agent join", { skip: noNatsServer, timeout: 120_000 }, () => {
  it("makes a device a part of a fleet, which its agent then is without a line", async (t) => {
    const fleet = await startFleet(t);
    const line = await fleet.line("--accept");
    const joined = await fleet.join(line);
    assert.equal(joined.code, EXIT_CODES.ok, joined.stderr);
    assert.match(joined.stdout, /^pi-7 has joined the fleet at 127\.0\.0\.1:\d+\nnext: mpo agent --data .*\n$/u);
    const agent = ["agent", "--device", "pi-7", "--data", fleet.data, "--serving", join(fleet.folder, "serving")];
    await startDaemon(t, agent, fleet.board);
    await untilTrue(async () => (await fleet.mpo("devices", "list")).stdout.includes("pi-7"));

    const again = await fleet.join(line);
    assert.equal(again.code, EXIT_CODES.ok);
    assert.match(again.stdout, /pi-7 has joined a fleet already, at 127.*: nothing has changed\nhint: .*--again/u);
  });

  it("says what is wrong with a line: none, used up, revoked by time, of another fleet", async (t) => {
    const fleet = await startFleet(t);
    assertFails(await fleet.join("mpo-join-nonsense"), EXIT_CODES.usage, /error \(invalid-argument\): /u);
    assertFails(await fleet.join("@/nowhere"), EXIT_CODES.state, /error \(not-found\): .*\/nowhere/u);
    const line = await fleet.line("--accept", "--uses", "1");
    assert.equal((await fleet.join(line)).code, EXIT_CODES.ok);
    const other = ["--data", join(fleet.folder, "other"), "--device", "pi-8"];
    assertFails(await fleet.join(line, ...other), EXIT_CODES.unauthenticated, /error \(unauthenticated\): /u);
    assert.equal(existsSync(join(fleet.folder, "other/identity/membership.json")), false);
    const stranger = await startFleet(t);
    const strange = await stranger.line("--accept");
    const wrong = await fleet.join(strange, ...other, "--coordinator", fleet.target);
    assertFails(wrong, EXIT_CODES.unauthenticated, /not of the fleet that was named/u);
  });

  it("says that no coordinator answers, and joins once one does", async (t) => {
    const fleet = await startFleet(t);
    const line = await fleet.line("--accept");
    const nobody = await fleet.join(line, "--coordinator", "127.0.0.1:1");
    assertFails(nobody, EXIT_CODES.unavailable, /error \((?:unavailable|timed-out)\): .*127\.0\.0\.1:1/u);
    assert.equal((await fleet.join(line)).code, EXIT_CODES.ok);
  });

  it("keeps the line for the agent where somebody has to accept the device", async (t) => {
    const fleet = await startFleet(t);
    const asked = await fleet.join(await fleet.line());
    assert.equal(asked.code, EXIT_CODES.ok, asked.stderr);
    assert.match(
      asked.stdout,
      /pi-7 has asked to join .*\nnext: there: mpo devices accept pi-7 {4}\(its key begins with [0-9a-f]{12}\)/u,
    );
    const line = join(fleet.data, "identity/join.txt");
    assert.equal(statSync(line).mode & 0o777, 0o600);
    assert.equal((await fleet.mpo("devices", "accept", "pi-7")).code, EXIT_CODES.ok);
    const agent = ["agent", "--device", "pi-7", "--data", fleet.data, "--serving", join(fleet.folder, "serving")];
    const daemon = await startDaemon(t, agent, fleet.board);
    await daemon.stop();
    assert.equal(existsSync(line), false, "it is of no use any more");
  });

  it("joins another fleet only with --again", async (t) => {
    const [one, two] = [await startFleet(t), await startFleet(t)];
    assert.equal((await one.join(await one.line("--accept"))).code, EXIT_CODES.ok);
    const other = await two.line("--accept");
    const membership = join(one.data, "identity/membership.json");
    const before = await readFile(membership, "utf8");
    assert.match((await one.join(other)).stdout, /already/u);
    assert.equal(await readFile(membership, "utf8"), before);
    const moved = await one.join(other, "--again");
    assert.equal(moved.code, EXIT_CODES.ok, moved.stderr);
    assert.ok((await readFile(membership, "utf8")).includes(two.target));
  });

  it("joins its fleet again after the fleet's authority was replaced", async (t) => {
    const fleet = await startFleet(t);
    assert.equal((await fleet.join(await fleet.line("--accept"))).code, EXIT_CODES.ok);
    await fleet.coordinator.stop();
    // The old keys are gone, as after a loss without a backup.
    const place = ["--listen", fleet.target, "--http", "127.0.0.1:0", "--data", join(fleet.folder, "new")];
    await startDaemon(t, ["coordinator", ...place], fleet.admin);
    const agent = ["agent", "--device", "pi-7", "--data", fleet.data, "--serving", join(fleet.folder, "serving")];
    let log = "";
    const before = await startDaemon(t, agent, { ...fleet.board, onError: (stderr) => (log = stderr) });
    await untilTrue(() => /another authority/u.test(log));
    assert.match(log, /no new credentials yet.*shows a certificate of another authority.*mpo agent join .*--again/u);
    const { code } = await before.stop();
    assert.equal(code, EXIT_CODES.ok, "it works on by what it has");

    const again = await fleet.join(await fleet.line("--accept"), "--again");
    assert.equal(again.code, EXIT_CODES.ok, again.stderr);
    await startDaemon(t, agent, fleet.board);
    await untilTrue(async () => (await fleet.mpo("devices", "list")).stdout.includes("pi-7"));
  });

  const skip = process.geteuid?.() === 0 ? false : "needs root";
  it("acts for root as the owner of the agent's folder", { skip }, async (t) => {
    const fleet = await startFleet(t);
    await chmod(fleet.folder, 0o755);
    await mkdir(fleet.data, { mode: 0o750 });
    await chown(fleet.data, OWNER, OWNER);
    // Only root can read the line.
    const line = await fleet.line("--accept");
    await chmod(line.slice(1), 0o600);
    const joined = await fleet.join(line);
    assert.equal(joined.code, EXIT_CODES.ok, joined.stderr);
    for (const path of ["identity/membership.json", "identity/device-key.pem", "identity", "state"]) {
      const { uid, gid } = statSync(join(fleet.data, path));
      assert.deepEqual([uid, gid], [OWNER, OWNER], path);
    }
    assert.equal(process.geteuid?.(), 0);
  });

  it("is root's where an agent is installed", async (t) => {
    const fleet = await startFleet(t);
    const installed = join(fleet.folder, "etc");
    await mkdir(installed);
    await writeFile(join(installed, "agent.toml"), `data = "${fleet.data}"\n`);
    const asSomebody = await runCommand(["agent", "join", await fleet.line(), "--device", "pi-7"], {
      ...fleet.board,
      configFolder: installed,
      userName: "ada",
    });
    assertFails(asSomebody, EXIT_CODES.denied, /runs as the user mpo, and you are another\nhint: Use sudo/u);
  });
});
