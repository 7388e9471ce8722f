import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Profile } from "@mpo/core";
import fc from "fast-check";
import { tinyProfile } from "../testing/tiny-chain.ts";
import { poolProfiles } from "./pool-profiles.ts";

function fleet(count: number, speed: (index: number) => number = () => 1): readonly Profile[] {
  return Array.from({ length: count }, (_, index) => tinyProfile(`pi-${index}`, { speed: speed(index) }));
}

const [honest] = fleet(1) as [Profile];
const honestMs = honest.unitTimes[0]?.forwardMs[0] as number;

void describe("pooled profiles", () => {
  void it("say what one device would have measured, when all agree", () => {
    const pooled = poolProfiles(fleet(5));
    assert.equal(pooled?.votes, 5);
    assert.deepEqual(pooled.profile.unitTimes, honest.unitTimes);
    assert.deepEqual(pooled.profile.accuracy, honest.accuracy);
    assert.equal(pooled.profile.steps.length, honest.steps.length);
    assert.equal(pooled.profile.device.class, "board");
  });

  const silent: readonly { readonly what: string; readonly profiles: readonly Profile[] }[] = [
    { what: "nobody", profiles: [] },
    { what: "fewer than the quorum", profiles: fleet(4) },
    { what: "one device many times", profiles: Array.from({ length: 9 }, () => honest) },
    {
      what: "devices with different software",
      profiles: fleet(8).map((profile, index) => ({
        ...profile,
        software: { ...profile.software, engine: `0.${index % 4}.0` },
      })),
    },
  ];
  for (const { what, profiles } of silent) {
    void it(`are not there for ${what}`, () => {
      assert.equal(poolProfiles(profiles), undefined);
    });
  }

  void it("leave out what too few measured", () => {
    const profiles = fleet(6).map((profile, index) =>
      index < 2 ? { ...profile, unitTimes: [], accuracy: [] } : profile,
    );
    const pooled = poolProfiles(profiles);
    assert.deepEqual([pooled?.profile.unitTimes, pooled?.profile.accuracy], [[], []]);
    assert.equal(pooled?.profile.steps.length, honest.steps.length);
  });

  void it("have no vote of a device that took another's profile, but on its own learning curves", () => {
    const takes = (profile: Profile, index: number): Profile => ({
      ...(index === 0 ? profile : { ...profile, sharedFrom: "pi-0", unitTimes: honest.unitTimes }),
    });
    assert.equal(
      poolProfiles(
        fleet(9)
          .map(takes)
          .map((profile) => ({ ...profile, accuracy: [] })),
      ),
      undefined,
    );
    const pooled = poolProfiles(fleet(9).map(takes));
    assert.equal(pooled?.votes, 9);
    assert.deepEqual(pooled.profile.accuracy, honest.accuracy);
    assert.deepEqual([pooled.profile.unitTimes, pooled.profile.steps], [[], []]);
    assert.equal(pooled.profile.sharedFrom, undefined);
  });

  void it("are moved little by a fifth of liars, where a mean would be moved far", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.9, max: 1.1, noNaN: true }), { minLength: 8, maxLength: 24 }),
        fc.double({ min: 1e-4, max: 1e4, noNaN: true }),
        (speeds, lie) => {
          const liars = Math.floor(speeds.length / 5);
          const profiles = fleet(speeds.length, (index) => (index < liars ? lie : (speeds[index] as number)));
          const pooled = poolProfiles(profiles);
          const found = pooled?.profile.unitTimes[0]?.forwardMs[0] as number;
          assert.ok(found >= honestMs / 1.11 && found <= honestMs / 0.89, `${found} of ${honestMs}`);
        },
      ),
      { numRuns: 50 },
    );
  });
});
