import assert from "node:assert/strict";
import { it } from "node:test";
import { isTimeZone } from "@mpo/core";
import { minuteOfDay } from "./time-zones.ts";

void it("tells the minute of the day where a device is, summer and winter", () => {
  const winter = Date.UTC(2026, 0, 15, 23, 30);
  const summer = Date.UTC(2026, 6, 15, 23, 30);
  assert.deepEqual(
    ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"].map((zone) => minuteOfDay(zone, winter)),
    [1410, 30, 300, 1110],
  );
  assert.equal(minuteOfDay("Europe/Berlin", summer), 90);
  assert.deepEqual([minuteOfDay("Europe/Nowhere", summer), minuteOfDay(undefined, summer)], [undefined, undefined]);
  assert.deepEqual(["Europe/Berlin", "Europe/Nowhere", ""].map(isTimeZone), [true, false, false]);
});
