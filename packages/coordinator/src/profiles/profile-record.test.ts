import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { reportOf } from "../testing/tiny-fleet.ts";
import { type ProfileRecord, profileFromBytes, profileToBytes, reportIn, withReport } from "./profile-record.ts";
import { parseProfileKey, profileKey } from "./profile-service.ts";

const CHAIN = "ab".repeat(32);
const { chain: _, ...REQUEST } = reportOf("pi-1", "r1");

void describe("a stored profile", () => {
  void it("counts every report once, whatever comes again", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 30 }), (names) => {
        let record: ProfileRecord | undefined;
        const seen = new Set<number>();
        for (const name of names) {
          const decision = withReport(record, { ...REQUEST, report: `r${name}` }, { chain: undefined, nowMs: 1 });
          assert.equal(decision.isDuplicate, seen.has(name));
          assert.equal(decision.isChanged, !seen.has(name));
          seen.add(name);
          record = decision.record;
        }
        assert.equal(record?.header.storedCount ?? 0, seen.size);
        assert.deepEqual(new Set(record?.header.reports ?? []), new Set([...seen].map((name) => `r${name}`)));
      }),
      { numRuns: 100 },
    );
  });

  void it("takes a chain that comes later", () => {
    const first = withReport(undefined, REQUEST, { chain: undefined, nowMs: 1 }).record;
    const again = withReport(first, REQUEST, { chain: CHAIN, nowMs: 2 });
    assert.deepEqual([again.isDuplicate, again.isChanged, again.record.header.chain], [true, true, CHAIN]);
    assert.equal(withReport(again.record, REQUEST, { chain: "cd".repeat(32), nowMs: 3 }).isChanged, false);
  });

  void it("comes back from its bytes, and says when they are damaged", () => {
    const { record } = withReport(undefined, REQUEST, { chain: CHAIN, nowMs: 1 });
    const bytes = profileToBytes(record);
    assert.deepEqual(profileFromBytes(bytes), record);
    assert.deepEqual(reportIn(record), REQUEST);
    for (const cut of [0, 3, 10, bytes.length - 1]) {
      assert.throws(() => reportIn(profileFromBytes(bytes.subarray(0, cut))), { code: "invalid-data" });
    }
  });

  void it("has a key that names device and model", () => {
    const name = { identity: REQUEST.identity, model: "tiny" };
    assert.deepEqual(parseProfileKey(profileKey(name)), name);
    for (const bad of ["", "a.b", "00.acme.pi-1.tiny", `${profileKey(name)}.x`]) {
      assert.throws(() => parseProfileKey(bad), { code: "invalid-data" });
    }
  });
});
