import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { RetrainJob } from "@mpo/agent";
import { encodeNpyImages } from "@mpo/datasets";
import { syntheticImages } from "@mpo/datasets/testing";
import { normalisationOf, writeLayersModel } from "@mpo/engine";
import { EXIT_CODES } from "@mpo/runtime";
import { at, noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { SEEN, startTinyDevice } from "../test-support/tiny-device.ts";
import { TINY_MODEL } from "../test-support/tiny-model.ts";
import { runCommand } from "../testing/run-command.ts";

const LEARNED = normalisationOf(TINY_MODEL) ?? Buffer.alloc(40, 7);

/** A device that shares, whose windows go well, with inputs in its folder. */
async function sharing(t: TestContext, folder: string, device: string, coordinator: string, seed: number) {
  const jobs: RetrainJob[] = [];
  const started = await startTinyDevice(t, {
    ...{ device, coordinator, folder, settings: { sharesAdaptations: true, curvesMs: 0 } },
    retrain: async (job) => {
      jobs.push(job);
      await writeLayersModel(TINY_MODEL, job.stagingFolder);
      return {
        ...{ isAccepted: true, reason: "better", steps: 3, judgement: "label-free", config: job.rung.config },
        ...{ ...SEEN, stepMs: [SEEN.stepMs], plannedBytes: 1_000, overheadMs: 100, judgedSamples: 256 },
        ...{ stagedFolder: job.stagingFolder, normalisation: LEARNED },
        ...(job.start === undefined ? {} : { isFromStart: true }),
      };
    },
  });
  await writeFile(
    join(started.modelFolder, "model-card.json"),
    JSON.stringify({ inputShape: [12, 12, 1], input: { range: "unit" } }),
  );
  const inputs = join(dirname(started.modelFolder), "inputs");
  await mkdir(inputs, { recursive: true });
  const images = syntheticImages({ count: 256, height: 12, width: 12, channels: 1, seed });
  await writeFile(join(inputs, "a.npy"), encodeNpyImages(images));
  return { ...started, jobs };
}

describe("what devices share of drifts", { skip: noNatsServer, timeout: 120_000 }, () => {
  it("is listed, started from by another device, and removed", async (t) => {
    const folder = await testFolder(t);
    const { ready } = await startCoordinator(t, folder);
    const coordinator = String(ready["grpc"]);
    const mpo = (...args: readonly string[]) => runCommand([...args, ...at(coordinator)]);
    const until = async <Found>(look: () => Promise<Found | undefined>): Promise<Found> => {
      for (;;) {
        const found = await look();
        if (found !== undefined) return found;
        await new Promise((wake) => setTimeout(wake, 50));
      }
    };
    const hasLadder = async (device: string) =>
      (await mpo("config", "show", device, "--json")).code === EXIT_CODES.ok ? true : undefined;
    const listed = async () => (await mpo("models", "adaptations", "--json")).records;

    const first = await sharing(t, folder, "pi-1", coordinator, 1);
    await until(() => hasLadder("pi-1"));
    first.agent.openWindow("tiny");
    const one = await until(async () => (await listed())[0]);
    assert.deepEqual([one["device"], one["helped"], one["isOffered"]], ["pi-1", 0, true]);

    const second = await sharing(t, folder, "pi-2", coordinator, 2);
    await until(() => hasLadder("pi-2"));
    second.agent.openWindow("tiny");
    const helped = await until(async () => (await listed()).find((record) => record["helped"] === 1));
    assert.equal(helped["device"], "pi-1");
    assert.deepEqual(Buffer.from(second.jobs[0]?.start ?? []), Buffer.from(LEARNED));
    const { stdout: events } = await mpo("events", "--device", "pi-2");
    assert.match(events.replaceAll(/\s+/gu, " "), /from what pi-1 has learned/u);
    const { stdout: table } = await mpo("models", "adaptations", "--name", "tiny");
    assert.match(table, /pi-1.*50\.0 %.*62\.5 %/su);

    for (const record of await listed()) {
      assert.equal((await mpo("models", "forget", String(record["adaptation"]))).code, EXIT_CODES.ok);
    }
    const none = await mpo("models", "adaptations");
    assert.match(`${none.stdout}${none.stderr}`, /no device shares what it has learned/u);
    assert.equal((await mpo("models", "forget", "ghost")).code, EXIT_CODES.state);
  });
});
