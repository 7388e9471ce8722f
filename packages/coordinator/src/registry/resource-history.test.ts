import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MIB } from "@mpo/core";
import { RESOURCES } from "../testing/tiny-fleet.ts";
import type { SeenRecord } from "./device-record.ts";
import { ResourceHistory, SLOT_MS } from "./resource-history.ts";

const START = 5_900_000 * SLOT_MS;

function seen(lastSeenMs: number, changes: Partial<SeenRecord["resources"]> = {}): SeenRecord {
  const { temperatureCelsius: _, ...resources } = { temperatureCelsius: 0, ...RESOURCES };
  return { resources: { ...resources, memoryAvailableBytes: 100 * MIB, loadAverage: 0.5, ...changes }, lastSeenMs };
}

void describe("how a device has fared", () => {
  it("is the worst of each five minutes", () => {
    const history = new ResourceHistory(() => true);
    history.note("a.b", seen(START, { memoryAvailableBytes: 90 * MIB }));
    history.note("a.b", seen(START + 10_000, { loadAverage: 2, temperatureCelsius: 60 }));
    history.note("a.b", seen(START + 20_000, { memoryAvailableBytes: 95 * MIB, temperatureCelsius: 50 }));
    history.note("a.b", seen(START + SLOT_MS));
    assert.deepEqual(history.of("a.b"), [
      { fromMs: START, memoryAvailableBytes: 90 * MIB, loadAverage: 2, temperatureCelsius: 60 },
      { fromMs: START + SLOT_MS, memoryAvailableBytes: 100 * MIB, loadAverage: 0.5 },
    ]);
    assert.deepEqual(history.of("a.c"), []);
  });

  it("goes back a day, and not behind what is there", () => {
    const history = new ResourceHistory(() => true);
    for (let slot = 0; slot < 1_000; slot += 1) history.note("a.b", seen(START + slot * SLOT_MS));
    history.note("a.b", seen(START));
    const points = history.of("a.b");
    assert.equal(points.length, 288);
    assert.deepEqual(
      [points[0]?.fromMs, points.at(-1)?.fromMs],
      [START + (1_000 - 288) * SLOT_MS, START + 999 * SLOT_MS],
    );
  });

  it("of devices that are gone is forgotten, however many come and go", () => {
    const fleet = new Set<string>();
    const history = new ResourceHistory((key) => fleet.has(key));
    fleet.add("a.stays");
    history.note("a.stays", seen(START));
    for (let number = 0; number < 2_000; number += 1) history.note(`a.${number}`, seen(START));
    assert.equal(history.of("a.stays").length, 1);
    assert.equal(history.of("a.0").length, 0);
  });
});
