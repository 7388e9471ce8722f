import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { EXIT_CODES } from "@mpo/runtime";
import { at, noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { runCommand, startCommand } from "../testing/run-command.ts";
import { startDaemon } from "../testing/start-daemon.ts";

describe("mpo coordinator and mpo agent", { skip: noNatsServer }, () => {
  it("find each other, log who speaks, and end as they are told", async (t) => {
    const folder = await testFolder(t);
    const coordinator = await startCoordinator(t, folder);
    const { grpc, http } = coordinator.ready;
    assert.equal((await fetch(`${String(http)}/readyz`)).status, 200);
    const agentArgs = ["agent", ...at(grpc), "--device", "pi-1", "--data", join(folder, "agent")];
    const agent = await startDaemon(t, [...agentArgs, "--memory-limit", "1GiB"]);
    assert.equal(agent.ready["device"], "pi-1");
    const metric = async (): Promise<string> => (await fetch(`${String(http)}/metrics`)).text();
    while (!/^mpo_devices(\{.*\})? 1$/mu.test(await metric())) await new Promise((wake) => setTimeout(wake, 20));

    const second = await runCommand([...agentArgs, "--quiet"]);
    assert.match(
      second.stderr,
      /error \(already-exists\): process \d+ on \S+ \(since .*\) uses[\s\S]*hint: One agent per folder/u,
    );
    assert.equal(second.code, EXIT_CODES.state);
    const taken = await runCommand([
      ...["coordinator", "--listen", String(grpc), "--http", "127.0.0.1:0", "--data", join(folder, "other"), "--quiet"],
    ]);
    assert.match(taken.stderr, /error \(unavailable\): cannot listen on/u);
    assert.equal(taken.code, EXIT_CODES.unavailable);

    const agentEnd = await agent.stop("SIGTERM");
    assert.equal(agentEnd.code, EXIT_CODES.ok);
    const lines = agentEnd.stderr.split("\n").filter((line) => line.startsWith("{"));
    assert.ok(lines.some((line) => (JSON.parse(line) as { deviceId?: string }).deviceId === "pi-1"));
    assert.equal((await coordinator.stop("SIGINT")).code, EXIT_CODES.cancelled);
  });

  for (const daemon of ["agent", "coordinator"]) {
    it(`${daemon}: a signal that comes before it is up is not lost`, async (t) => {
      const folder = await testFolder(t);
      const ports = daemon === "agent" ? [] : ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
      const command = startCommand([daemon, "--data", join(folder, "data"), ...ports]);
      command.signal("SIGTERM");
      const { code, stdout } = await command.outcome;
      assert.deepEqual([code, stdout], [EXIT_CODES.cancelled, ""]);
    });
  }

  it("an agent with settings that a coordinator would refuse does not start", async (t) => {
    const folder = await testFolder(t);
    const refused: readonly (readonly [readonly string[], RegExp])[] = [
      [["site=a", "site=b"], /labels\[1\]\.name is "site"; expected each name once/u],
      [Array.from({ length: 60 }, (_, at) => `n${at}=x`), /labels is a list of 60; expected a list of 0 to 32/u],
      [["site=a\tb"], /labels\[0\]\.value is "a\\tb"; expected 0 to 128 characters on one line/u],
      [["site=a\u202eb"], /labels\[0\]\.value is "a\ufffdb"; expected 0 to 128 characters on one line/u],
    ];
    for (const [labels, says] of refused) {
      const options = labels.flatMap((label) => ["--label", label]);
      const { code, stderr } = await runCommand([
        "agent",
        "--insecure",
        "--data",
        join(folder, "agent"),
        ...options,
        "--quiet",
      ]);
      assert.match(stderr, says);
      assert.equal(code, EXIT_CODES.usage);
    }
  });

  it("an agent says its owner's limits, and does not start with a file that says none", async (t) => {
    const folder = await testFolder(t);
    const [data, named] = [join(folder, "agent"), join(folder, "owner.json")];
    const args = ["agent", ...at("127.0.0.1:1"), "--data", data];
    const refusedWith = async (content: string, says: RegExp): Promise<void> => {
      await writeFile(named, content);
      const { code, stderr } = await runCommand([...args, "--limits", named, "--quiet"]);
      assert.match(stderr, says);
      assert.equal(code, EXIT_CODES.usage);
    };
    await refusedWith(
      '{"memroy": "1 GB", "window": 10}',
      /owner\.json: "memroy" is no limit; expected memory; window is 10/u,
    );
    await refusedWith(
      '{"methods": ["shot"]}',
      /models are adapted by tent; the owner allows shot[\s\S]*hint: .*--method shot/u,
    );
    await writeFile(join(data, "limits.json"), '{"memory": "1.5 GB"}');
    const agent = await startDaemon(t, args);
    assert.equal(agent.ready["limits"], "memory 1.5 GB");
    assert.equal((await agent.stop("SIGINT")).code, EXIT_CODES.cancelled);
  });

  it("an agent is up without a coordinator", async (t) => {
    const folder = await testFolder(t);
    const agent = await startDaemon(t, ["agent", ...at("127.0.0.1:1"), "--data", join(folder, "agent")]);
    const { code, stderr } = await agent.stop("SIGINT");
    assert.equal(code, EXIT_CODES.cancelled);
    assert.doesNotMatch(stderr, /"level":"error"/u);
  });
});
