import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MpoError } from "@mpo/core";
import { VirtualClock } from "@mpo/io/testing";
import type { ArtifactVersion, DesiredDocument } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { type Agent, createAgent } from "../core/agent.ts";
import { type AgentSettings, DEFAULT_AGENT_SETTINGS } from "../core/agent-settings.ts";
import { documentOf, IDENTITY, START_MS } from "../test-support/documents.ts";
import { FakeDevice } from "../test-support/fake-device.ts";
import { FakeFleet } from "../test-support/fake-fleet.ts";
import { FakeModels, FakeShelf, type PublishedForTest, publishedOf } from "../test-support/published.ts";
import { MemoryDisk, type WriteFault } from "../testing/memory-disk.ts";

const SETTINGS: AgentSettings = {
  ...DEFAULT_AGENT_SETTINGS,
  ...{ identity: IDENTITY, agentVersion: "0.1.0", engineVersion: "0.1.0", minTrainingInputs: 64, probePatienceMs: 0 },
  budget: {
    ...{ reserveBytes: 100, reserveShare: 0, workerIdleBytes: 100, minDiskFreeBytes: 0 },
    ...{ maxMemoryPressurePercent: 10, maxTemperatureCelsius: 80 },
  },
};

/** Three chunks. */
function model(version: number, letter = String(version)): PublishedForTest {
  return publishedOf("resnet", version, { "model.json": Buffer.alloc(600_000, letter) });
}

class World {
  readonly clock = new VirtualClock(START_MS);
  readonly fleet = new FakeFleet(this.clock);
  readonly device = new FakeDevice(this.clock);
  readonly models = new FakeModels();
  readonly deployed = this.device.models[0]?.manifestDigest ?? "";
  readonly shelf = new FakeShelf((artifact, manifestDigest = this.deployed) => {
    this.device.models = [{ name: "resnet", manifestDigest, ...(artifact && { artifact }) }];
  });
  readonly disk: MemoryDisk;
  agent: Agent | undefined;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(fault?: (write: number) => WriteFault) {
    this.disk = new MemoryDisk(fault);
  }

  async start(): Promise<void> {
    this.#stop = new AbortController();
    const { clock, disk, shelf } = this;
    const { monitor, engine, serving } = this.device;
    const { link, connectFeed } = this.fleet;
    let draws = 0;
    this.agent = await createAgent(SETTINGS, {
      ...{ clock, disk, link, connectFeed, monitor, engine, serving, logger: silentLogger },
      random: () => (++draws % 97) / 97,
      artifacts: { link: this.models.link, shelf },
    });
    this.#running = this.agent.run({ signal: this.#stop.signal });
    this.#running.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    await this.#running.catch(() => undefined);
  }

  async pass(seconds: number): Promise<void> {
    await this.clock.advance(seconds * 1000);
  }

  get applied(): number | undefined {
    return this.agent?.snapshot().applied?.version;
  }

  get served(): ArtifactVersion | undefined {
    return (this.device.models[0] as { artifact?: ArtifactVersion } | undefined)?.artifact;
  }

  get told(): readonly string[] {
    return this.fleet.statuses.flatMap(({ status }) =>
      status.kind === "document" ? [`${status.document.version.version} ${status.document.state}`] : [],
    );
  }

  /** A document for a published version; its ladder is the usual one unless it is said to be empty. */
  push(version: number, published: PublishedForTest, changes: Partial<DesiredDocument> = {}): void {
    const { artifact, manifestDigest } = published;
    this.fleet.push(documentOf(version, { artifact, manifestDigest, ...changes }));
  }
}

async function inWorld(check: (world: World) => Promise<void>, fault?: (write: number) => WriteFault): Promise<void> {
  const world = new World(fault);
  try {
    await world.start();
    await world.pass(60);
    await check(world);
  } finally {
    await world.stop();
  }
}

const MEASURED_FIRST = { rungs: [], chosenRung: 0 } as const;

describe("a document for a published model", () => {
  it("is put in use when its model is here, and the old one serves and runs until then", () =>
    inWorld(async (world) => {
      const third = model(3);
      world.models.publish(third);
      world.fleet.push(documentOf(1));
      await world.pass(10);
      world.models.isCutOff = true;
      world.push(2, third);
      await world.pass(120);
      assert.equal(world.applied, 1);
      assert.equal(world.served, undefined);
      assert.ok(world.fleet.conditions.includes("model-pending"), `${world.fleet.conditions}`);
      world.models.isCutOff = false;
      await world.pass(120);
      assert.equal(world.applied, 2);
      assert.deepEqual(world.served, third.artifact);
      assert.deepEqual(
        world.told.filter((line) => line.startsWith("2")),
        ["2 accepted", "2 applied", "2 applied"],
        "without its rung, and with it",
      );
      assert.ok(!world.fleet.conditions.includes("model-pending"));
      assert.deepEqual(world.fleet.hellos.at(-1)?.models[0]?.artifact, third.artifact);
    }));

  it("fetches each byte once, though coordinators come and go, and the agent too", () =>
    inWorld(async (world) => {
      const third = model(3);
      world.models.publish(third);
      let parts = 0;
      world.models.onPart = () => {
        parts += 1;
        if (parts % 3 === 0) throw new MpoError("unavailable", "this coordinator has just ended");
      };
      world.push(1, third);
      await world.pass(20);
      await world.stop();
      await world.start();
      await world.pass(600);
      assert.deepEqual(world.served, third.artifact);
      for (const [digest, chunk] of third.chunks) {
        // A part that was lost is asked for again, with what came before it of its chunk.
        assert.ok((world.models.sent.get(digest) ?? 0) <= 3 * chunk.length, `${world.models.sent.get(digest)}`);
      }
      const before = [...world.models.sent.values()];
      await world.stop();
      await world.start();
      await world.pass(600);
      assert.deepEqual([...world.models.sent.values()], before);
    }));

  it("is refused with words when its model is not what was signed, or has no room", () =>
    inWorld(async (world) => {
      const third = model(3);
      world.models.publish(third);
      world.fleet.push(documentOf(1));
      await world.pass(10);
      world.models.garble = (part) => Buffer.alloc(part.length, "!");
      world.push(2, third);
      await world.pass(900);
      assert.equal(world.told.at(-1), "2 refused");
      assert.match(JSON.stringify(world.fleet.statuses.at(-1)), /not-fetched: another chunk/u);
      world.models.garble = undefined;
      world.shelf.isFull = true;
      world.push(3, third);
      await world.pass(60);
      assert.equal(world.told.at(-1), "3 refused");
      assert.match(JSON.stringify(world.fleet.statuses.at(-1)), /has none/u);
      assert.equal(world.applied, 1);
      assert.equal(world.served, undefined);
      // A manifest that somebody has exchanged.
      world.shelf.isFull = false;
      world.models.published.set(third.artifact.digest, model(4));
      world.push(4, third);
      await world.pass(900);
      assert.match(JSON.stringify(world.fleet.statuses.at(-1)), /not the one that was signed/u);
      assert.equal(world.applied, 1);
    }));

  it("without a ladder is confirmed by a probe, or given up by one, offline too", () =>
    inWorld(async (world) => {
      const [third, fourth] = [model(3), model(4)];
      for (const one of [third, fourth]) world.models.publish(one);
      world.fleet.push(documentOf(1));
      await world.pass(30);
      world.push(2, third, MEASURED_FIRST);
      await world.pass(120);
      assert.deepEqual(world.served, third.artifact);
      assert.ok(world.told.includes("2 confirmed"), world.told.join());
      world.device.onProbe = () => {
        world.fleet.isCutOff = true;
        throw new MpoError("unsupported", "layer x is not supported");
      };
      world.push(3, fourth, MEASURED_FIRST);
      await world.pass(120);
      assert.deepEqual(world.served, third.artifact);
      assert.equal(world.applied, 2);
      world.fleet.isCutOff = false;
      world.device.onProbe = undefined;
      await world.pass(600);
      assert.ok(world.told.includes("3 failed"), world.told.join());
      assert.match(JSON.stringify(world.fleet.statuses), /layer x is not supported/u);
      assert.equal(world.agent?.snapshot().isGivenUp, true);
      assert.deepEqual(world.served, third.artifact);
    }));

  it("goes back to the model as deployed when nothing else ever proved itself", () =>
    inWorld(async (world) => {
      const third = model(3);
      world.models.publish(third);
      world.device.onProbe = () => {
        throw new MpoError("invalid-data", "its weights are damaged");
      };
      world.push(1, third, MEASURED_FIRST);
      await world.pass(300);
      assert.equal(world.told.at(-1), "1 failed");
      assert.equal(world.served, undefined);
      assert.equal(world.shelf.uses, 2);
      await world.stop();
      await world.start();
      await world.pass(300);
      assert.equal(world.shelf.uses, 2);
    }));

  it("whose files were damaged on the disk is given up, and comes again with the next one", () =>
    inWorld(async (world) => {
      const third = model(3);
      world.models.publish(third);
      world.fleet.push(documentOf(1));
      await world.pass(30);
      world.shelf.damaged.add(third.artifact.digest);
      world.push(2, third);
      await world.pass(120);
      assert.equal(world.told.filter((line) => line === "2 failed").length, 1, world.told.join());
      assert.equal(world.served, undefined);
      world.shelf.damaged.clear();
      world.push(3, third);
      await world.pass(120);
      assert.deepEqual(world.served, third.artifact);
    }));

  it("waits where what serves cannot be changed, says so, and lets other work go on", () =>
    inWorld(async (world) => {
      const third = model(3);
      world.models.publish(third);
      world.fleet.push(documentOf(1));
      await world.pass(30);
      world.shelf.onUse = () => {
        throw new MpoError("unavailable", "the disk is full");
      };
      world.push(2, third);
      await world.pass(60);
      assert.ok(world.fleet.conditions.includes("not-writable"), `${world.fleet.conditions}`);
      assert.equal(world.told.at(-1), "2 accepted");
      const { probes } = world.device;
      world.fleet.orders = [
        { order: "o-1", model: "resnet", manifestDigest: world.deployed, configs: [], maxMs: 60_000, isFresh: true },
      ];
      world.fleet.forgets = true;
      await world.pass(120);
      assert.equal(world.device.probes, probes + 1);
      world.shelf.onUse = undefined;
      await world.pass(60);
      assert.deepEqual(world.served, third.artifact);
      assert.ok(!world.fleet.conditions.includes("not-writable"));
    }));

  it("is overtaken by a newer one while its model is fetched", () =>
    inWorld(async (world) => {
      const [third, fourth] = [model(3), model(4)];
      for (const one of [third, fourth]) world.models.publish(one);
      world.models.isCutOff = true;
      world.push(1, third);
      await world.pass(30);
      world.push(2, fourth);
      await world.pass(30);
      world.models.isCutOff = false;
      await world.pass(120);
      assert.deepEqual(world.served, fourth.artifact);
      assert.deepEqual(world.told, ["1 accepted", "2 accepted", "2 applied", "2 applied"]);
      // And one without a published model leads back to the one as deployed.
      world.fleet.push(documentOf(3));
      await world.pass(60);
      assert.equal(world.served, undefined);
      assert.equal(world.applied, 3);
    }));

  it("ends in the same state, at whichever write the agent is killed", async () => {
    const third = model(3);
    for (let at = 0; at < 24; at++) {
      for (const kind of ["crash-before", "crash-after"] as const) {
        const world = new World((write) => (write === at ? kind : "none"));
        try {
          world.models.publish(third);
          const begin = async (): Promise<void> => {
            await world.start().catch(() => undefined);
            await world.pass(60);
          };
          await begin();
          world.push(1, third);
          await world.pass(90);
          if (world.disk.isCrashed) {
            await world.stop();
            world.disk.restart();
            await begin();
            await world.pass(120);
          }
          assert.equal(world.applied, 1, `${kind} ${at}`);
          assert.deepEqual(world.served, third.artifact, `${kind} ${at}`);
          assert.ok(["1 applied", "1 confirmed"].includes(world.told.at(-1) ?? ""), `${kind} ${at}: ${world.told}`);
        } finally {
          await world.stop();
        }
      }
    }
  });
});
