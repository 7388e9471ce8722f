import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DeviceView, EnrolmentView, FleetEvent, RolloutView } from "@mpo/protocol";
import { type FleetFacts, mattersOf } from "./attention.ts";

const NOW = 1_700_000_000_000;
const NOTHING: FleetFacts = { devices: [], pending: [], accepted: [], rollouts: [], events: [] };
const identity = (device: string) => ({ tenant: "default", device });
const device = (name: string, code?: "throttled" | "doubled"): DeviceView =>
  ({
    identity: identity(name),
    conditions: code === undefined ? [] : [{ code, sinceMs: NOW, message: "m" }],
  }) as unknown as DeviceView;
const event = (sequence: number, kind: string, of: string): FleetEvent => ({
  ...{ sequence, atMs: NOW, kind, tenant: "default", device: of, actor: `device ${of}`, message: "m" },
});

void describe("what needs a person", () => {
  it("is nothing where nothing is wrong", () => {
    assert.deepEqual(mattersOf({ ...NOTHING, devices: [device("pi-1")] }, NOW), []);
  });

  it("has what stops work first, then what is wrong, then what waits", () => {
    const rollouts = [{ name: "r", phase: "halted", sinceMs: NOW, reason: "x", waves: [] }] as unknown as RolloutView[];
    const pending = [
      { identity: identity("new"), board: "", address: "", keyDigest: "" },
    ] as unknown as EnrolmentView[];
    const found = mattersOf(
      { ...NOTHING, rollouts, pending, devices: [device("hot", "throttled"), device("twin", "doubled")] },
      NOW,
    );
    assert.deepEqual(
      found.map(({ title }) => title),
      ["r", "twin", "hot", "new"],
    );
  });

  it("says once why a rollout is halted", () => {
    const rollout = { name: "r", phase: "halted", sinceMs: NOW, reason: "x", waitsFor: "x; retry", waves: [] };
    const rollouts = [rollout] as unknown as RolloutView[];
    assert.equal(mattersOf({ ...NOTHING, rollouts }, NOW)[0]?.says, "x; retry");
  });

  it("names devices that could not take what they should run, many in one line", () => {
    const failing = (count: number): readonly DeviceView[] =>
      Array.from({ length: count }, (_, index) => ({
        ...device(`pi-${index}`),
        reportedStatus: { version: { epoch: 1, version: 2 }, state: "failed", rung: 0, message: "over its bound" },
      }));
    const titles = (count: number) => mattersOf({ ...NOTHING, devices: failing(count) }, NOW).map(({ title }) => title);
    assert.deepEqual(titles(2), ["pi-0", "pi-1"]);
    assert.deepEqual(titles(300), ["300 devices"]);
  });

  it("names a failed probe until a later one went well", () => {
    const failed = event(5, "probe-failed", "pi-1");
    const devices = [device("pi-1")];
    assert.equal(mattersOf({ ...NOTHING, devices, events: [failed] }, NOW)[0]?.what, "probe failed");
    assert.deepEqual(mattersOf({ ...NOTHING, devices, events: [failed, event(6, "profile-stored", "pi-1")] }, NOW), []);
  });

  it("names certificates that end before they should have been renewed", () => {
    const accepted = (leftMs: number) =>
      [{ identity: identity("pi-1"), certificateEndsAtMs: NOW + leftMs }] as unknown as EnrolmentView[];
    const authority = { certificateValidMs: 1_000_000, certificates: [] } as unknown as NonNullable<
      FleetFacts["authority"]
    >;
    assert.equal(mattersOf({ ...NOTHING, authority, accepted: accepted(100_000) }, NOW).length, 1);
    assert.equal(mattersOf({ ...NOTHING, authority, accepted: accepted(500_000) }, NOW).length, 0);
  });
});
