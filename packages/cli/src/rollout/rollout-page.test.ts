import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { anyRollout, anyRolloutDevice } from "../test-support/rollout-view.ts";
import { rolloutPage } from "./rollout-page.ts";

const devices = Array.from({ length: 40 }, (_, index) => ({
  ...anyRolloutDevice({ device: `pi-${index}`, memoryBytes: (60 + index) * 2 ** 20, stepMs: 1_000 + 10 * index }),
  deviceClass: index % 2 === 0 ? "pi-4" : "pi-5",
}));

describe("rolloutPage", () => {
  it("draws the plan, with a table beside each picture, and no script", () => {
    const page = rolloutPage(anyRollout(), devices);
    assert.equal(page.match(/<figure /gu)?.length, 5);
    assert.equal(page.match(/<svg [^>]*role="img" aria-label="[^"]+"/gu)?.length, 5);
    assert.equal(page.match(/<summary>In numbers<\/summary><section [^>]*><table>/gu)?.length, 5);
    assert.doesNotMatch(page, /<script|<img|<link|@import|url\((?!#)/iu);
    for (const words of ["nothing fits", "the least takes 120 MiB", "pi-5", "about 1 h 00 min", "its check takes long"])
      assert.ok(page.includes(words), words);
  });

  it("escapes what devices and people have named", () => {
    const hostile = "<script>alert(1)</script>";
    const [share] = anyRollout().distribution;
    assert.ok(share !== undefined);
    const page = rolloutPage(
      anyRollout({
        plannedBy: hostile,
        distribution: [{ ...share, config: hostile }],
        leftOut: [{ device: "pi-7", cause: "excluded", message: hostile }],
      }),
      devices.map((device) => ({ ...device, deviceClass: hostile })),
    );
    assert.doesNotMatch(page, /<script/u);
  });

  it("does without what is not known", () => {
    const { forecast: _, ...rest } = anyRollout({ distribution: [], leftOut: [], leftOutCount: 0 });
    const page = rolloutPage(rest, []);
    assert.doesNotMatch(page, /<svg|NaN|undefined/u);
  });
});
