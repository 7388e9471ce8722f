import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ReportStatusRequest, WindowResult } from "@mpo/protocol";
import fc from "fast-check";
import { documentReport, probeReport, RUNG, windowReport } from "../testing/tiny-fleet.ts";
import {
  driftedModels,
  NO_STATUS,
  newestConfirmed,
  type StatusRecord,
  statusFromBytes,
  statusOf,
  statusToBytes,
  withStatus,
} from "./status-record.ts";

function after(reports: readonly ReportStatusRequest[]): StatusRecord {
  return reports.reduce((record, report) => withStatus(record, report).record, NO_STATUS);
}

const report = fc
  .record({
    sequence: fc.integer({ min: 1, max: 8 }),
    version: fc.integer({ min: 1, max: 3 }),
    state: fc.constantFrom("accepted" as const, "applied" as const),
  })
  .map(({ sequence, version, state }) => documentReport("pi-1", sequence, version, state));

void describe("what a device told", () => {
  void it("does not depend on how often or in which order it came", () => {
    const reports = fc.uniqueArray(report, { selector: ({ sequence }) => sequence, minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(reports, fc.infiniteStream(fc.nat()), (all, picks) => {
        const shuffled = [...all, ...all]
          .map((one) => ({ one, key: picks.next().value as number }))
          .sort((left, right) => left.key - right.key)
          .map(({ one }) => one);
        const expected = after([...all].sort((left, right) => left.sequence - right.sequence));
        const found = after(shuffled);
        assert.deepEqual(found.documents, expected.documents);
        assert.equal(found.storedCount, all.length);
      }),
      { numRuns: 200 },
    );
  });

  const finals = ["confirmed", "failed"] as const;
  for (const state of finals) {
    void it(`stays ${state}`, () => {
      const later = [documentReport("pi-1", 9, 1, "applied"), documentReport("pi-1", 10, 1, "accepted")];
      const record = after([documentReport("pi-1", 3, 1, state), ...later]);
      assert.equal(statusOf(record, { epoch: 1, version: 1 })?.state, state);
      // Also when it comes after what was told later.
      const late = after([...later, documentReport("pi-1", 3, 1, state)]);
      assert.equal(statusOf(late, { epoch: 1, version: 1 })?.state, state);
    });
  }

  void it("has the models that drifted, until they are replaced", () => {
    const drift = (sequence: number): ReportStatusRequest => ({
      ...documentReport("pi-1", sequence, 1, "applied"),
      status: { kind: "drift", drift: { model: "tiny", message: "" } },
    });
    const window = (sequence: number, outcome: WindowResult["outcome"]): ReportStatusRequest => {
      const report = windowReport("pi-1", sequence, RUNG);
      if (report.status.kind !== "window") throw new Error("no window");
      return { ...report, status: { kind: "window", window: { ...report.status.window, outcome } } };
    };
    const drifted = (...reports: readonly ReportStatusRequest[]) =>
      driftedModels(statusFromBytes(statusToBytes(after(reports))));
    assert.deepEqual(drifted(drift(1)), ["tiny"]);
    assert.deepEqual(drifted(drift(1), window(2, "kept-old"), drift(3)), ["tiny"]);
    assert.deepEqual(drifted(drift(1), window(2, "replaced")), []);
    assert.deepEqual(drifted(drift(1), window(2, "replaced"), drift(3)), ["tiny"]);
    // What comes late has happened before all the same.
    assert.deepEqual(drifted(window(2, "replaced"), drift(1)), []);
    assert.deepEqual(drifted(window(2, "replaced"), drift(3), drift(1)), ["tiny"]);
  });

  void it("stays refused until the device takes it after all, whatever comes late", () => {
    const [before, refused, taken] = [
      documentReport("pi-1", 2, 1, "accepted"),
      documentReport("pi-1", 3, 1, "refused"),
      documentReport("pi-1", 4, 1, "applied"),
    ] as const;
    const stateAfter = (...reports: Parameters<typeof after>[0]): string | undefined =>
      statusOf(after(reports), { epoch: 1, version: 1 })?.state;
    assert.equal(stateAfter(refused, before), "refused");
    assert.equal(stateAfter(refused, taken), "applied");
    assert.equal(stateAfter(taken, refused, before), "applied");
  });

  void it("names the newest good document before another", () => {
    const record = after([
      documentReport("pi-1", 1, 1, "confirmed"),
      documentReport("pi-1", 2, 2, "confirmed"),
      documentReport("pi-1", 3, 3, "failed"),
    ]);
    const found = [4, 2, 1].map((version) => newestConfirmed(record, { epoch: 1, version })?.version);
    assert.deepEqual(found, [2, 1, undefined]);
  });

  void it("keeps the newest failed probe of a model, in whatever order they come", () => {
    const failures = [1, 2, 3].map((sequence) => probeReport("pi-1", sequence, 1000 * sequence, `no ${sequence}`));
    for (const order of [failures, [...failures].reverse()]) {
      const record = after(order);
      assert.deepEqual(
        record.failures.map(({ failure, sequence }) => [failure.message, sequence]),
        [["no 3", 3]],
      );
      assert.deepEqual(statusFromBytes(statusToBytes(record)), record);
    }
  });

  void it("comes back from its bytes, and stays within its room", () => {
    const many = Array.from({ length: 600 }, (_, index) => documentReport("pi-1", index + 1, index + 1, "applied"));
    const record = after(many);
    assert.equal(record.storedCount, 600);
    const bytes = statusToBytes(record);
    assert.ok(bytes.length < 65_536);
    assert.deepEqual(statusFromBytes(bytes), record);
    assert.throws(() => statusFromBytes(bytes.subarray(0, 100)), { code: "invalid-data" });
  });
});
