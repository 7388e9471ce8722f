import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { describe, it } from "node:test";
import { systemClock } from "@mpo/io";
import { silentLogger } from "@mpo/runtime";
import type { Agent } from "../core/agent.ts";
import { DEFAULT_AGENT_SETTINGS } from "../core/agent-settings.ts";
import { DEVICE_CLASS, documentOf, IDENTITY } from "../test-support/documents.ts";
import { FakeDevice } from "../test-support/fake-device.ts";
import { FakeFleet } from "../test-support/fake-fleet.ts";
import { runAgentDaemon } from "./agent-daemon.ts";

async function withFolder(check: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-agent-daemon-"));
  try {
    await check(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("the daemon", () => {
  it("runs the core on this machine, and leaves its state for the next", () =>
    withFolder(async (folder) => {
      await mkdir(join(folder, "serving/resnet/model"), { recursive: true });
      await writeFile(join(folder, "serving/resnet/model/model.json"), "{}");
      const fleet = new FakeFleet(systemClock);
      fleet.push(documentOf(1, { expiresAtMs: systemClock.now() + 1e9, issuedAtMs: systemClock.now() }));
      const run = async (until: (agent: Agent) => boolean): Promise<Agent> => {
        const end = new AbortController();
        let agent: Agent | undefined;
        const running = runAgentDaemon({
          settings: { ...DEFAULT_AGENT_SETTINGS, identity: IDENTITY, agentVersion: "0.1.0", engineVersion: "0.1.0" },
          dataFolder: join(folder, "data"),
          servingRoot: join(folder, "serving"),
          deviceClass: DEVICE_CLASS,
          connect: async () => ({ link: fleet.link, connectFeed: fleet.connectFeed, close: () => undefined }),
          clock: systemClock,
          random: Math.random,
          logger: silentLogger,
          environment: {},
          engine: new FakeDevice(systemClock).engine,
          onReady: (ready) => {
            agent = ready;
          },
          signal: end.signal,
        });
        while (agent === undefined || !until(agent)) await systemClock.sleep(5);
        end.abort();
        await running;
        return agent;
      };
      await run((agent) => agent.snapshot().applied?.version === 1 && agent.snapshot().waitingReports === 0);
      fleet.isCutOff = true;
      const again = await run(() => true);
      assert.equal(again.snapshot().applied?.version, 1, "what was applied is there without a coordinator");
      assert.deepEqual(await readdir(join(folder, "data")), ["state"], "the claim is gone");
      assert.equal(fleet.hellos[0]?.models[0]?.name, "resnet");
      fleet.hub.close();
    }));

  it("loads neither TensorFlow nor image libraries", { skip: process.platform !== "linux" }, () => {
    const index = new URL(`../index${extname(import.meta.url)}`, import.meta.url).href;
    const script = `await import(${JSON.stringify(index)});
      const { connectFleet } = await import(${JSON.stringify(index)});
      process.stdout.write(JSON.stringify(process.report.getReport().sharedObjects));`;
    const args = ["--conditions=source", "--import", "tsx", "--input-type=module", "-e", script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", cwd: import.meta.dirname });
    const loaded = JSON.parse(stdout || JSON.stringify(stderr)) as readonly string[];
    assert.ok(Array.isArray(loaded), String(loaded));
    assert.deepEqual(
      loaded.filter((path) => /tensorflow|tfjs|vips|sharp/u.test(path)),
      [],
    );
  });
});
