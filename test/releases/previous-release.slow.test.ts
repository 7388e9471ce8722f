import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { skip as noNatsServer } from "@mpo/transport/testing";
import { previousRelease, ROOT } from "./previous-release.ts";
import { ReleaseFleet, type Running, type Said } from "./release-fleet.ts";

const previous = noNatsServer === false ? previousRelease() : { why: noNatsServer };
const skip = "why" in previous ? previous.why : false;
const OLD = "root" in previous ? previous.root : "";
const NEW = ROOT;

const ROLLOUT = `name: less
model: tiny
change:
  rule:
    objective: memory
waves:
  - percent: 100%
`;

/** Each is a fleet's life over an upgrade, or back: first one release's coordinator and the other's agent, then swapped. */
describe("the release before this one", { skip, timeout: 240_000 }, () => {
  it("has agents that work with this one's coordinator, and coordinators that go on with its state", (t) =>
    together(t, NEW, OLD));
  it("has coordinators that work with this one's agents, and agents that go on with their state", (t) =>
    together(t, OLD, NEW));
});

async function together(t: TestContext, first: string, second: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-releases-"));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const fleet = new ReleaseFleet(t, folder);
  const rollout = join(folder, "rollout.yaml");
  await writeFile(rollout, ROLLOUT);

  // It joins, measures, reports, and gets its ladder.
  let coordinator = await fleet.coordinator(first);
  let agent = fleet.agent(second);
  await agent.until<Said>(({ version, isOnline }) => isOnline && version === 1);
  // Commands of both releases.
  let version = await pushed(fleet, agent, second, 1);
  version = await pushed(fleet, agent, first, version);
  const started = await fleet.mpo(second, "rollout", "start", rollout, "--yes", "--wait", "1min");
  assert.equal(started.code, 0, started.text);
  const done = await agent.until<Said>((said) => said.version > version);
  ({ version } = done);
  const { probes } = done;
  assert.equal(probes, 1);

  // The other way round, on what these have left.
  await agent.stop();
  await coordinator.stop();
  coordinator = await fleet.coordinator(second);
  agent = fleet.agent(first);
  const after = await agent.until<Said>(({ isOnline }) => isOnline);
  assert.equal(after.version, version, "it runs what it ran");
  assert.ok(after.probes <= 1, "another release's engine is measured again, once");
  await pushed(fleet, agent, first, version);
  const listed = await fleet.mpo(second, "rollout", "status", "less");
  assert.match(listed.text, /less has been completed/u);
  const events = await fleet.mpo(first, "events", "verify");
  assert.equal(events.code, 0, events.text);
  await agent.stop();
  await coordinator.stop();
}

/** Pushes by hand; returns the version that the device runs by then. */
async function pushed(fleet: ReleaseFleet, agent: Running, root: string, before: number): Promise<number> {
  const push = await fleet.mpo(
    root,
    "config",
    "push",
    "pi-1",
    "--model",
    "tiny",
    "--objective",
    "time",
    "--reason",
    "a test",
  );
  assert.equal(push.code, 0, push.text);
  return (await agent.until<Said>(({ version }) => version > before)).version;
}
