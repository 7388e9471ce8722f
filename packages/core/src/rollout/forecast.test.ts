import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ROLLOUT_START_MS, RolloutRoom } from "../test-support/rollout-room.ts";
import { forecastRollout } from "./forecast.ts";

void describe("a forecast is as long as the rollout is when nothing goes wrong", () => {
  const cases = [
    { what: "one wave", file: {} },
    {
      what: "waves with dwells",
      file: {
        waves: [
          { count: 5, dwell: "5min" },
          { percent: "50%", dwell: "10min" },
        ],
      },
    },
    { what: "a rate", file: { rate: { perMinute: 4 } } },
    { what: "a disruption budget", file: { disruption: { maxUnavailable: 3 } } },
    {
      what: "gates",
      file: { gates: [{ name: "drift", metric: "drift", success: "<= 1", interval: "2min", count: 3 }] },
    },
  ];
  for (const { what, file } of cases) {
    test(what, () => {
      const takesMs = (index: number): number => 20_000.0001 + 1_500 * (index % 10);
      const devices = Object.fromEntries(
        Array.from({ length: 40 }, (_, index) => [`pi-${index}`, { takesMs: takesMs(index) }]),
      );
      const room = new RolloutRoom(file, devices);
      const forecast = forecastRollout(
        room.rollout,
        (device) => ({ isOnline: true, group: "", takesMs: devices[device]?.takesMs ?? 0, minuteOfDay: () => 0 }),
        room.facts().groups(),
        ROLLOUT_START_MS,
      );
      room.measure = () => 0;
      room.command("start");
      room.until("completed");
      const tookMs = room.nowMs - ROLLOUT_START_MS;
      const { expectedMs = 0 } = forecast;
      assert.ok(Math.abs(expectedMs / tookMs - 1) < 0.1, `${expectedMs} forecast, ${tookMs} taken`);
      assert.equal(forecast.waveEndsMs.length, room.rollout.state.waves.length);
    });
  }
});

test("a rollout that can never end has no expected length", () => {
  const room = new RolloutRoom({ hours: { between: ["22:00-06:00"] } }, { "pi-1": {} });
  const forecast = forecastRollout(
    room.rollout,
    () => ({ isOnline: true, group: "", takesMs: 1, minuteOfDay: () => 720 }),
    new Map(),
    ROLLOUT_START_MS,
  );
  assert.equal(forecast.expectedMs, undefined);
  assert.deepEqual(forecast.waveEndsMs, []);
});
