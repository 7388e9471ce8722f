import assert from "node:assert/strict";
import { it } from "node:test";
import { desiredDocumentCodec, desiredEnvelopeCodec, deviceKey } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { BUCKETS } from "@mpo/transport";
import type { MemoryStateServer } from "@mpo/transport/testing";
import { type Coordinator, createCoordinator } from "../coordinator.ts";
import { archiveFromBytes } from "../documents/archive-record.ts";
import { resolveSettings } from "../settings.ts";
import { AnsweringFleet } from "../testing/answering-fleet.ts";
import { CALL, freshServer, identityOf } from "../testing/tiny-fleet.ts";

interface Member {
  readonly coordinator: Coordinator;
  /** As by `kill -9`: nothing that it has not written is ever written, and it releases nothing. */
  kill(): Promise<void>;
}

let members = 0;

async function startMember(server: MemoryStateServer): Promise<Member> {
  const name = `member-${++members}`;
  let ids = 0;
  const newId = (): string => `${name}-${++ids}`;
  const store = server.connect();
  const settings = resolveSettings({ name, leaseMs: 1_000 }, newId);
  const coordinator = createCoordinator(settings, { store, logger: silentLogger, newId });
  await coordinator.start();
  return {
    coordinator,
    kill: async () => {
      await store.close();
      await coordinator.stop().catch(() => undefined);
    },
  };
}

/** Everything that a device was ever told to run, by what it answers. */
async function requestsOf(server: MemoryStateServer, device: string): Promise<readonly string[]> {
  const store = server.connect();
  const key = deviceKey(identityOf(device));
  const [newest, archive] = await Promise.all([store.get(BUCKETS.desired, key), store.get(BUCKETS.archive, key)]);
  await store.close();
  if (newest === undefined || archive === undefined) return [];
  const current = desiredDocumentCodec.fromBytes(desiredEnvelopeCodec.fromBytes(newest.value).document);
  const older = archiveFromBytes(archive.value)
    .documents.map(({ bytes }) => desiredDocumentCodec.fromBytes(bytes))
    .filter(({ version }) => version.version < current.version.version);
  return [current, ...older].map(({ request }) => request);
}

const DEVICES = Array.from({ length: 60 }, (_, index) => `pi-${index + 1}`);
const KILLS = 12;

/** The same moments in every run. */
function drawn(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

void it("a rollout goes on when its leader is killed at any moment, and no device gets its change twice", {
  timeout: 180_000,
}, async () => {
  const server = freshServer();
  const random = drawn(7);
  const alive = [await startMember(server), await startMember(server)] as [Member, Member];
  const reached = (): Coordinator => alive[1].coordinator;
  const fleet = new AnsweringFleet({ coordinator: reached });
  await fleet.join(DEVICES);
  const file = {
    ...{ name: "small", model: "tiny", change: { rule: { memory: "40MB" } } },
    waves: Array.from({ length: 11 }, (_, index) => ({ percent: `${8 * (index + 1)}%`, dwell: "1s" })),
  };
  const { rolloutApi } = reached();
  await rolloutApi.planRollout({ tenant: "acme", spec: JSON.stringify(file), reason: "" }, CALL);
  await rolloutApi.changeRollout({ tenant: "acme", name: "small", command: "start", reason: "" }, CALL);
  const shown = async () => (await reached().rolloutApi.getRollout({ tenant: "acme", name: "small" }, CALL)).rollout;
  const gaps: number[] = [];
  let kills = 0;
  let killAtMs = performance.now() + 1_500 * random();
  let movedAtMs = performance.now();
  let confirmed = 0;
  const phase = await fleet.until(async () => {
    const rollout = await shown();
    const now = rollout.counts.find(({ state }) => state === "confirmed")?.devices ?? 0;
    if (now > confirmed) {
      gaps.push(performance.now() - movedAtMs);
      movedAtMs = performance.now();
    }
    confirmed = now;
    if (kills < KILLS && performance.now() >= killAtMs) {
      kills += 1;
      // Whichever leads: now one, now the other.
      await alive[0].kill();
      alive[0] = alive[1];
      alive[1] = await startMember(server);
      killAtMs = performance.now() + 2_500 * random();
    }
    return ["completed", "halted", "rolled-back"].includes(rollout.phase) ? rollout.phase : undefined;
  });
  await Promise.all(alive.map(({ coordinator }) => coordinator.stop()));
  assert.deepEqual([phase, confirmed], ["completed", DEVICES.length]);
  assert.ok(kills >= 8, `${kills} kills`);
  for (const device of DEVICES) {
    const changes = (await requestsOf(server, device)).filter((request) => request.startsWith("rollout "));
    assert.equal(changes.length, 1, `${device}: ${changes.join()}`);
  }
  assert.ok(Math.max(...gaps) < 10_000, `stood still for ${Math.round(Math.max(...gaps))} ms`);
});
