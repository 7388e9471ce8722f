import assert from "node:assert/strict";
import { it } from "node:test";
import { COPY_ORDER } from "./copy-order.ts";
import { FLEET_LAYOUT } from "./fleet-layout.ts";
import { bucketStream } from "./store-layout.ts";

void it("each stream of the fleet's store has its place in a copy", () => {
  const { buckets, streams } = FLEET_LAYOUT;
  const names = [...buckets.map(({ name }) => bucketStream(name)), ...streams.map(({ name }) => name)];
  assert.deepEqual([...COPY_ORDER].sort(), names.sort());
});
