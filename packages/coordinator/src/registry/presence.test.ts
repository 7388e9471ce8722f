import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { heartbeatSecondsOf, isOnline } from "./presence.ts";

void describe("presence", () => {
  void it("asks large fleets for fewer heartbeats, so that all together stay within what a store takes", () => {
    const asked = [0, 1, 3_000, 3_001, 10_000].map((devices) => heartbeatSecondsOf(30, devices));
    assert.deepEqual(asked, [30, 30, 30, 31, 100]);
    assert.equal(heartbeatSecondsOf(600, 10_000), 600);
  });

  void it("counts a device as there for two heartbeats", () => {
    assert.deepEqual([isOnline(0, 60_000, 30), isOnline(0, 60_001, 30)], [true, false]);
  });
});
