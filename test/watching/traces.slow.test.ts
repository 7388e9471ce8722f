import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { AGENT_VERSION, type AgentEngine, connectFleet, DEFAULT_AGENT_SETTINGS, runAgentDaemon } from "@mpo/agent";
import { type CoordinatorAddresses, runCoordinator } from "@mpo/coordinator";
import { tinyChain, tinyProfile } from "@mpo/coordinator/testing";
import { systemClock } from "@mpo/io";
import { createLogger, openTracing, silentLogger } from "@mpo/runtime";
import { createAdminClient } from "@mpo/transport";
import { binary, skip } from "@mpo/transport/testing";
import { OtlpReceiver, type ReceivedSpan } from "./otlp-receiver.ts";
import { pause } from "./running-prometheus.ts";

/** Measures in no time. */
const engine: AgentEngine = {
  probe: ({ model, device }) => {
    const chain = tinyChain();
    const profile = tinyProfile(device.id, { speed: 1, chain });
    return Promise.resolve({ profile: { ...profile, model: { ...profile.model, name: model } }, chain });
  },
  retrain: () => Promise.reject(new Error("nothing is retrained here")),
};
const identity = { tenant: "acme", device: "pi-1" };

it("one trace goes from an agent's report over the search and the push to what the agent makes of it", {
  skip,
  timeout: 120_000,
}, async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "mpo-traces-"));
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const receiver = await OtlpReceiver.start();
  context.after(() => receiver.stop());
  // OpenTelemetry reads the process's own.
  process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.endpoint;
  context.after(() => delete process.env["OTEL_EXPORTER_OTLP_ENDPOINT"]);
  const environment = process.env;
  const lines: Record<string, unknown>[] = [];
  const write = (line: string, done: () => void): void => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
    done();
  };
  const logger = createLogger({ level: "debug", write });
  const ends = new AbortController();
  const emitter = new EventEmitter();
  const coordinatorTracing = await openTracing({
    service: "mpo-coordinator",
    instance: "c",
    environment,
    clock: systemClock,
    logger,
  });
  let running: Promise<unknown> = Promise.resolve();
  const { grpc } = await new Promise<CoordinatorAddresses>((resolve, reject) => {
    running = runCoordinator(
      { insecure: true, grpc: { port: 0 }, http: { port: 0 } },
      {
        nats: { kind: "embedded", folder: join(folder, "coordinator"), binary: binary().path, searchPath: [] },
        process: { on: emitter.on.bind(emitter), off: emitter.off.bind(emitter), exit: () => undefined },
        ...{ logger, tracing: coordinatorTracing, signal: ends.signal, onReady: resolve, onFailure: reject },
      },
    );
  });
  const agentTracing = await openTracing({
    service: "mpo-agent",
    instance: "pi-1",
    environment,
    clock: systemClock,
    logger: silentLogger,
  });
  const model = join(folder, "serving/cam/model");
  await mkdir(model, { recursive: true });
  await writeFile(join(model, "model.json"), "{}");
  const common = { clock: systemClock, random: Math.random, logger };
  const agent = runAgentDaemon({
    settings: {
      ...{ ...DEFAULT_AGENT_SETTINGS, identity, agentVersion: AGENT_VERSION, engineVersion: "none" },
      methods: ["crossEntropy"],
      ...{ tickMs: 50, probePatienceMs: 0 },
    },
    ...{ dataFolder: join(folder, "agent"), servingRoot: join(folder, "serving") },
    ...{ engine, environment, signal: ends.signal, tracing: agentTracing, ...common },
    connect: (proven, member) => connectFleet({ identity: proven, coordinators: [grpc], member, ...common }),
  });
  const admin = createAdminClient({ targets: [grpc] });
  for (;;) {
    const found = await admin.getConfig({ identity }).catch(() => undefined);
    if (found?.status?.state === "applied") break;
    await pause();
  }
  admin.close();
  ends.abort();
  await Promise.all([agent, running]);
  await Promise.all([agentTracing, coordinatorTracing].map((tracing) => tracing[Symbol.asyncDispose]()));

  const named = (name: string): ReceivedSpan => {
    const span = receiver.spans.find((one) => one.name === name);
    assert.ok(span, `no span ${name} of ${receiver.spans.map((one) => one.name).join(", ")}`);
    return span;
  };
  const chain = [
    named("report profile"),
    named("mpo.v1.FleetService/ReportProfile"),
    named("search"),
    named("take configuration"),
  ];
  assert.deepEqual(
    chain.map(({ service }) => service),
    ["mpo-agent", "mpo-coordinator", "mpo-coordinator", "mpo-agent"],
  );
  assert.equal(new Set(chain.map(({ traceId }) => traceId)).size, 1);
  assert.deepEqual(
    chain.map(({ parentSpanId }) => parentSpanId),
    ["", ...chain.slice(0, -1).map(({ spanId }) => spanId)],
  );
  const [{ traceId }, call, search, taken] = chain as [ReceivedSpan, ReceivedSpan, ReceivedSpan, ReceivedSpan];
  assert.equal(call.attributes["mpo.request_id"], traceId);
  assert.equal(search.attributes["mpo.model"], "cam");
  assert.equal(taken.attributes["mpo.outcome"], "applied");
  // By the same name in the logs of both.
  const inLog = (msg: string): unknown => lines.find((line) => line["msg"] === msg);
  assert.ok(lines.some((line) => line["msg"] === "a profile is stored" && line["requestId"] === traceId));
  for (const msg of ["pushed a document", "a new configuration is in use"])
    assert.ok(
      lines.some((line) => line["msg"] === msg && line["traceId"] === traceId),
      JSON.stringify(inLog(msg)),
    );
});

it("without an endpoint nothing is traced", async () => {
  const tracing = await openTracing({
    service: "mpo-agent",
    instance: "x",
    environment: {},
    clock: systemClock,
    logger: silentLogger,
  });
  assert.equal(await tracing.span({ name: "x" }, (span) => Promise.resolve(span)), undefined);
  await tracing[Symbol.asyncDispose]();
});
