import assert from "node:assert/strict";
import { it } from "node:test";
import { VirtualClock } from "@mpo/io/testing";
import type { Inventory } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { untilClassChanges } from "./watch-class.ts";

it("a machine is another class when it has been so at two looks", async () => {
  const clock = new VirtualClock(0);
  // A mode on its way, back, and one that stays.
  const classes = ["15w", "15w", "7w", "15w", "maxn", "7w", "7w"];
  let looks = 0;
  const inventory = async (): Promise<Inventory> => ({ deviceClass: classes[looks++] ?? "7w" }) as Inventory;
  let isOver = false;
  const watch = { monitor: { inventory }, clock, logger: silentLogger, lookMs: 60_000 };
  const watching = untilClassChanges(watch, new AbortController().signal).then(() => {
    isOver = true;
  });
  for (let minute = 1; minute < classes.length; minute += 1) {
    assert.equal(isOver, false);
    await clock.advance(60_000);
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  await watching;
  assert.equal(looks, classes.length);
  assert.equal(clock.sleeping, 0);
});

it("watching ends by its signal", async () => {
  const clock = new VirtualClock(0);
  const end = new AbortController();
  const inventory = async (): Promise<Inventory> => ({ deviceClass: "15w" }) as Inventory;
  const watch = { monitor: { inventory }, clock, logger: silentLogger, lookMs: 60_000 };
  const watching = untilClassChanges(watch, end.signal);
  end.abort();
  await watching;
  assert.equal(clock.sleeping, 0);
});
