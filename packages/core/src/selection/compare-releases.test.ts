import assert from "node:assert/strict";
import { it } from "node:test";
import { compareReleases, isRelease } from "./compare-releases.ts";

it("versions are in the order of semver.org, with any count of numbers", () => {
  const inOrder = [
    ...["0.3.0-alpha", "0.3.0-alpha.1", "0.3.0-alpha.beta", "0.3.0-beta", "0.3.0-beta.2", "0.3.0-beta.11"],
    ...["0.3.0-rc.1", "0.3.0", "0.3.0.1", "0.10", "v1.0.0", "v20.11.1", "20.12"],
  ];
  for (const [at, left] of inOrder.entries()) {
    for (const [to, right] of inOrder.entries()) {
      assert.equal(Math.sign(compareReleases(left, right)), Math.sign(at - to), `${left} and ${right}`);
    }
  }
  assert.equal(compareReleases("20", "v20.0.0+build"), 0);
  for (const none of ["", "new", "1.", "1.x", "-1", "1.2.3.4.5.6.7.8.9"]) assert.ok(!isRelease(none), none);
  assert.ok(Number.isNaN(compareReleases("unknown", "1.0")));
});
