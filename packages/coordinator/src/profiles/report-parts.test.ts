import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { VirtualClock } from "@mpo/io/testing";
import { FLEET_SERVICE, type PartRequest } from "@mpo/protocol";
import { identityOf, reportOf } from "../testing/tiny-fleet.ts";
import { ReportParts } from "./report-parts.ts";

const PART_BYTES = 200;
const packed = (report: string, device = "pi"): Buffer =>
  gzipSync(FLEET_SERVICE.reportProfile.request.toBytes(reportOf(device, report)));
const WHOLE = packed("r1");

function partOf(whole: Buffer, offset: number, bytes = PART_BYTES, device = "pi"): PartRequest {
  const digest = createHash("sha256").update(whole).digest("hex");
  const part = whole.subarray(offset, offset + bytes);
  const common = { identity: identityOf(device), digest, totalBytes: whole.length, offset };
  return part.length === 0 ? common : { ...common, part };
}

describe("a report in parts", () => {
  it("goes on from what has come, whatever is repeated, and stays when it is whole", () => {
    const parts = new ReportParts(new VirtualClock(), FLEET_SERVICE.reportProfile);
    const arrived = (offset: number, bytes?: number): number => parts.take(partOf(WHOLE, offset, bytes)).arrivedBytes;
    assert.deepEqual(
      [arrived(0, 0), arrived(200), arrived(0), arrived(0), arrived(100), arrived(300)],
      [...[0, 0, 200, 200, 200, 200]],
    );
    assert.equal(arrived(200), 400);
    const instance = { instanceId: "start-2" };
    const last = parts.take({ ...partOf(WHOLE, 400, WHOLE.length), instance });
    assert.deepEqual(last, { arrivedBytes: WHOLE.length, report: { ...reportOf("pi", "r1"), instance } });
    assert.deepEqual(parts.take(partOf(WHOLE, 0, 0)).report, reportOf("pi", "r1"), "its answer was lost");
  });

  it("is one of each device: another one takes its place", () => {
    const parts = new ReportParts(new VirtualClock(), FLEET_SERVICE.reportProfile);
    parts.take(partOf(WHOLE, 0));
    parts.take(partOf(packed("r1", "other"), 0, 100, "other"));
    assert.equal(parts.take(partOf(WHOLE, 0, 0)).arrivedBytes, 200);
    assert.equal(parts.take(partOf(packed("r2"), 0, 0)).arrivedBytes, 0);
    assert.equal(parts.take(partOf(WHOLE, 0, 0)).arrivedBytes, 200, "who only asks takes no place");
    parts.take(partOf(packed("r2"), 0));
    assert.equal(parts.take(partOf(WHOLE, 0, 0)).arrivedBytes, 0);
  });

  it("is forgotten after an hour without a part, and sooner when there are too many", async () => {
    const clock = new VirtualClock();
    const parts = new ReportParts(clock, FLEET_SERVICE.reportProfile, 500);
    const held = (device: string): number => parts.take(partOf(packed("r1", device), 0, 0, device)).arrivedBytes;
    const add = (device: string, offset = 0): unknown => parts.take(partOf(packed("r1", device), offset, 200, device));
    add("a");
    await clock.advance(3_500_000);
    add("a", 200);
    await clock.advance(3_500_000);
    assert.equal(held("a"), 400);
    add("b");
    assert.deepEqual([held("a"), held("b")], [0, 200]);
    await clock.advance(3_600_000);
    assert.equal(held("b"), 0);
  });

  it("is refused when it is not what it says", () => {
    const parts = new ReportParts(new VirtualClock(), FLEET_SERVICE.reportProfile);
    const refused = (whole: Buffer, message: RegExp, device = "pi"): void =>
      assert.throws(() => parts.take(partOf(whole, 0, whole.length, device)), { code: "invalid-data", message });
    refused(Buffer.from("nonsense"), /not a report that was compressed/u);
    refused(gzipSync(Buffer.alloc(10_000_000)), /not a report that was compressed/u);
    refused(gzipSync(Buffer.from("nonsense")), /ReportProfileRequest/u);
    refused(packed("r1", "other"), /the report is of other; expected pi/u);
    const long = { ...partOf(WHOLE, 0), totalBytes: 100 };
    assert.throws(() => parts.take(long), { code: "invalid-argument", message: /ends at 200, after the whole, 100/u });
  });
});
