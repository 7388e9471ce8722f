import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { EXIT_CODES } from "@mpo/runtime";
import { at, noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { startTinyDevice } from "../test-support/tiny-device.ts";
import { type CommandOutcome, runCommand } from "../testing/run-command.ts";

const GOOD = `name: least-memory
model: tiny
change:
  rule:
    objective: memory
waves:
  - where: label.canary = yes
`;
/** No prediction is exact. */
const BAD = `name: too-strict
model: tiny
change:
  rule:
    objective: time
waves:
  - count: 1
gates:
  - name: exact-memory
    metric: memory-error
    failure: "> 0%"
    interval: 1s
onFailure:
  action: pause
`;

describe("rollouts from the command line", { skip: noNatsServer, timeout: 240_000 }, () => {
  it("are planned, started, watched, halted, and rolled back", async (t) => {
    const folder = await testFolder(t);
    const { ready } = await startCoordinator(t, folder);
    const coordinator = String(ready["grpc"]);
    const mpo = (...args: readonly string[]): Promise<CommandOutcome> =>
      runCommand(["rollout", ...args, ...at(coordinator)]);
    const canary = [{ name: "canary", value: "yes" }];
    await startTinyDevice(t, { device: "pi-1", coordinator, folder, labels: canary });
    await startTinyDevice(t, { device: "pi-2", coordinator, folder });
    await startTinyDevice(t, { device: "pi-3", coordinator, folder });
    for (const device of ["pi-1", "pi-2", "pi-3"])
      while ((await runCommand(["config", "show", device, ...at(coordinator)])).code !== EXIT_CODES.ok)
        await new Promise((wake) => setTimeout(wake, 100));
    const good = join(folder, "good.yaml");
    const bad = join(folder, "bad.yaml");
    await writeFile(good, GOOD);
    await writeFile(bad, BAD);

    // Nothing is changed by a plan.
    const html = join(folder, "plan.html");
    const planned = await mpo("plan", good, "--members", "--html", html);
    assert.equal(planned.code, EXIT_CODES.ok, planned.stderr);
    assert.match(planned.stdout, /least-memory changes 3 devices of tiny in 2 waves/u);
    assert.match(planned.stdout, /pi-1 +1 +[\d.]+ [KM]iB/u);
    assert.match(await readFile(html, "utf8"), /whoever is left[\s\S]*<svg /u);
    assert.match((await mpo("list")).stdout, /least-memory +planned/u);

    const started = await mpo("start", "least-memory", "--wait", "2min", "--reason", "a test");
    assert.equal(started.code, EXIT_CODES.ok, started.stderr);
    assert.match(started.stdout, /least-memory has been (?:finishing|completed)/u);
    assert.match(started.stderr, /least-memory: wave 1: [\s\S]*least-memory: wave 2: /u);
    const devices = (await mpo("status", "least-memory", "--devices", "--json")).records.slice(1);
    assert.deepEqual(
      devices.map(({ state }) => state),
      ["confirmed", "confirmed", "confirmed"],
    );
    assert.match(
      (await mpo("status", "least-memory", "--wave", "3")).stderr,
      /no wave 3 of least-memory; expected 1 to 2/u,
    );
    assert.match(
      (await mpo("show", "least-memory")).stdout,
      /^name: least-memory\nmodel: tiny\n[\s\S]*planned .* started/u,
    );

    // Where nobody can be asked, a file's plan begins at once.
    const halted = await mpo("start", bad, "--wait", "2min");
    assert.equal(halted.code, EXIT_CODES.halted, halted.stdout + halted.stderr);
    assert.match(halted.stdout, /too-strict has been halted .*exact-memory/u);
    const refused = await mpo("remove", "too-strict");
    assert.equal(refused.code, EXIT_CODES.state);
    const failed = await mpo("status", "too-strict", "--json");
    assert.deepEqual([failed.records[0]?.["phase"], failed.records[0]?.["wave"]], ["halted", 0]);

    assert.equal((await mpo("rollback", "too-strict", "--reason", "too strict")).code, EXIT_CODES.ok);
    const back = await mpo("status", "too-strict", "--wait", "2min");
    assert.equal(back.code, EXIT_CODES.rolledBack, back.stdout + back.stderr);
    assert.match((await mpo("remove", "too-strict")).stdout, /^removed too-strict/u);
    assert.equal((await mpo("list", "--json")).records.length, 1);
  });
});
