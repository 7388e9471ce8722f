import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import { AGENT_VERSION, type AgentEngine, connectFleet, DEFAULT_AGENT_SETTINGS, runAgentDaemon } from "@mpo/agent";
import { type CoordinatorAddresses, runCoordinator } from "@mpo/coordinator";
import { tinyChain, tinyProfile } from "@mpo/coordinator/testing";
import { MpoError } from "@mpo/core";
import { systemClock } from "@mpo/io";
import { compareVersions, type DocumentVersion } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { createAdminClient } from "@mpo/transport";
import { binary, NatsCluster, skip } from "@mpo/transport/testing";

const MIB = 2 ** 20;
const identity = { tenant: "acme", device: "pi-1" };
const common = { clock: systemClock, random: Math.random, logger: silentLogger };

/** A coordinator over a cluster, with three copies of everything; it ends with the test. */
async function startCoordinator(context: TestContext, { nodes }: NatsCluster): Promise<CoordinatorAddresses> {
  const ends = new AbortController();
  const emitter = new EventEmitter();
  const nats = {
    kind: "external",
    servers: nodes.map(({ url }) => url),
    replicas: 3,
    monitorUrls: nodes.map(({ monitorUrl }) => monitorUrl),
  } as const;
  let run: Promise<number> | undefined;
  context.after(async () => {
    ends.abort();
    await run;
  });
  return await new Promise((resolve, reject) => {
    run = runCoordinator(
      { insecure: true, grpc: { port: 0 }, http: { port: 0 } },
      {
        nats,
        process: { on: emitter.on.bind(emitter), off: emitter.off.bind(emitter), exit: () => undefined },
        logger: silentLogger,
        signal: ends.signal,
        onReady: resolve,
        onFailure: reject,
      },
    );
  });
}

/** The product's agent, which measures in no time; it ends with the test. */
async function startAgent(context: TestContext, folder: string, coordinator: string): Promise<void> {
  const engine: AgentEngine = {
    probe: ({ model, device }) => {
      const chain = tinyChain();
      const profile = tinyProfile(device.id, { speed: 1, chain });
      return Promise.resolve({ profile: { ...profile, model: { ...profile.model, name: model } }, chain });
    },
    retrain: () => Promise.reject(new Error("nothing is retrained here")),
  };
  const model = join(folder, "serving/cam/model");
  await mkdir(model, { recursive: true });
  await writeFile(join(model, "model.json"), "{}");
  const ends = new AbortController();
  const running = runAgentDaemon({
    settings: {
      ...DEFAULT_AGENT_SETTINGS,
      ...{ identity, agentVersion: AGENT_VERSION, engineVersion: "none", tickMs: 50, probePatienceMs: 0 },
      methods: ["crossEntropy"],
    },
    dataFolder: join(folder, "agent"),
    servingRoot: join(folder, "serving"),
    ...{ engine, environment: process.env, signal: ends.signal, ...common },
    connect: (proven, member) => connectFleet({ identity: proven, coordinators: [coordinator], member, ...common }),
  });
  context.after(async () => {
    ends.abort();
    await running;
  });
}

/** Asks again as long as a person would be told to. */
async function untilDone<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await ask();
    } catch (thrown) {
      if (!["not-found", "timed-out", "unavailable"].includes(MpoError.from(thrown).code)) throw thrown;
      await systemClock.sleep(20);
    }
  }
}

it("a fleet over a cluster of three nats-servers goes on when the one that leads is killed", {
  skip,
  timeout: 120_000,
}, async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "mpo-cluster-"));
  const cluster = await NatsCluster.start(binary().path, folder, 1_500 * MIB);
  context.after(() => cluster.stop());
  const { grpc, http } = await startCoordinator(context, cluster);

  // Each node keeps a copy, and each copy counts.
  const { bytes, replicas } = await cluster.reserved();
  assert.deepEqual([...replicas], [3]);
  assert.ok(bytes > 256 * MIB && bytes <= 500 * MIB, `${bytes / MIB} MiB`);

  const admin = createAdminClient({ targets: [grpc] });
  context.after(() => admin.close());
  await startAgent(context, folder, grpc);
  // Hooks run in this order, and an agent writes until it has stopped.
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const applied = async (version: DocumentVersion): Promise<void> => {
    for (;;) {
      const { status } = await untilDone(() => admin.getConfig({ identity }));
      if (status?.state === "applied" && compareVersions(status.version, version) === 0) return;
      await systemClock.sleep(20);
    }
  };
  const first = await untilDone(() => admin.getConfig({ identity }));
  await applied(first.document.version);

  const leader = await cluster.leaderOf("KV_desired");
  const killedMs = performance.now();
  await cluster.kill(leader);
  const { document } = await untilDone(() => admin.pushConfig({ identity, model: "cam", reason: "a node is gone" }));
  const pushedMs = performance.now();
  // Heartbeats are 30 s apart: it is told through what is left of the cluster.
  await applied(document.version);
  const appliedMs = performance.now();
  const [toPush, toApply] = [pushedMs - killedMs, appliedMs - pushedMs].map(Math.round);
  context.diagnostic(`${toPush} ms until a push is taken, ${toApply} ms until it is applied`);
  const { version } = first.document;
  assert.deepEqual((await untilDone(() => admin.getConfig({ identity, version }))).document, first.document);
  assert.equal((await fetch(`${http}/readyz`)).status, 200);
  await cluster.restart(leader);
});
