import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, it } from "node:test";
import { MpoError } from "@mpo/core";
import { systemClock } from "@mpo/io";
import { deviceKey } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import {
  BUCKETS,
  EmbeddedNatsServer,
  FLEET_LAYOUT,
  findNatsServer,
  fleetService,
  NatsLink,
  openJetstreamStore,
  startGrpcServer,
} from "@mpo/transport";
import { createAgent } from "../core/agent.ts";
import { DEFAULT_AGENT_SETTINGS } from "../core/agent-settings.ts";
import { documentOf, envelopeOf, IDENTITY } from "../test-support/documents.ts";
import { FakeDevice } from "../test-support/fake-device.ts";
import { FakeFleet } from "../test-support/fake-fleet.ts";
import { MemoryDisk } from "../testing/memory-disk.ts";
import { connectFleet } from "./connect-fleet.ts";

const { MPO_NATS_SERVER: named, MPO_CACHE: cache, XDG_CACHE_HOME: base, PATH = "" } = process.env;
const binary = await findNatsServer({
  searchPath: PATH.split(delimiter),
  cacheFolder: cache ?? join(base ?? join(homedir(), ".cache"), "mpoptimizer"),
  ...(named === undefined ? {} : { named }),
}).catch(() => undefined);

describe("an agent on the real wire", { skip: binary === undefined ? "there is no nats-server" : false }, () => {
  it("introduces itself and reports over gRPC, and applies what is put into JetStream", {
    timeout: 120_000,
  }, async (t) => {
    assert.ok(binary !== undefined);
    const folder = await mkdtemp(join(tmpdir(), "mpo-agent-wire-"));
    const common = { clock: systemClock, random: Math.random, logger: silentLogger };
    const nats = await EmbeddedNatsServer.start({ binary, folder });
    t.after(async () => {
      await nats.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    });
    const fleet = new FakeFleet(systemClock);
    const { enroll, heartbeat, reportProfile, reportStatus } = fleet.link;
    const server = await startGrpcServer({
      services: [
        fleetService({
          ...{ enroll, heartbeat, reportProfile, reportStatus },
          fetchProfile: () => Promise.reject(new MpoError("unsupported", "nothing is shared here")),
          reportProfilePart: () => Promise.reject(new MpoError("unsupported", "no report here is long")),
          getArtifact: () => Promise.reject(new MpoError("not-found", "no model is published here")),
          getArtifactChunk: () => Promise.reject(new MpoError("not-found", "no model is published here")),
          hello: async (request) => ({ ...(await fleet.link.hello(request)), natsServers: [nats.address.url] }),
        }),
      ],
    });
    t.after(() => server.stop({ graceMs: 0 }));
    const link = await NatsLink.open({ servers: [nats.address.url], name: "test" });
    const connection = await connectFleet({ identity: IDENTITY, coordinators: [server.target], ...common });
    const device = new FakeDevice(systemClock);
    const { monitor, engine, serving } = device;
    const end = new AbortController();
    let running: Promise<void> = Promise.resolve();
    try {
      const store = await openJetstreamStore(link, { layout: FLEET_LAYOUT, monitorUrls: [nats.address.monitorUrl] });
      const settings = { ...DEFAULT_AGENT_SETTINGS, identity: IDENTITY, agentVersion: "0.1.0", engineVersion: "0.1.0" };
      const ports = { ...common, disk: new MemoryDisk(), monitor, engine, serving };
      const { link: fleetLink, connectFeed } = connection;
      const agent = await createAgent(settings, { ...ports, link: fleetLink, connectFeed });
      running = agent.run({ signal: end.signal });
      const until = async (what: () => boolean): Promise<void> => {
        while (!what()) await systemClock.sleep(5, { signal: AbortSignal.timeout(60_000) });
      };
      await until(() => agent.snapshot().isFeedConnected);
      const now = systemClock.now();
      const times = { issuedAtMs: now, expiresAtMs: now + 1e9 };
      for (const version of [1, 2]) {
        const envelope = envelopeOf(documentOf(version, times));
        await store.put(BUCKETS.desired, deviceKey(IDENTITY), envelope);
        await until(() => agent.snapshot().applied?.version === version);
      }
      await until(() => fleet.statuses.length >= 2 && agent.snapshot().waitingReports === 0);
      await store.close();
    } finally {
      end.abort();
      await running;
      connection.close();
      await link.close();
      fleet.hub.close();
    }
    assert.equal(fleet.hellos.length, 1);
  });
});
