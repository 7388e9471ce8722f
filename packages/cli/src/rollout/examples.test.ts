import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { faultLines } from "../written/written-file.ts";
import { checkRollout } from "./rollout-file.ts";

const DEPLOY = fileURLToPath(new URL("../../../../deploy/", import.meta.url));
const EXAMPLES = join(DEPLOY, "examples", "rollouts");

describe("the examples of rollouts", () => {
  for (const place of readdirSync(EXAMPLES)) {
    const text = readFileSync(join(EXAMPLES, place), "utf8");

    it(`are sound: ${place}`, () => assert.deepEqual(faultLines({ place, ...checkRollout(text) }), []));

    it(`name their schema: ${place}`, () =>
      assert.match(text, /^# yaml-language-server: \$schema=\.\.\/\.\.\/schemas\/rollout\.schema\.json\n/u));
  }

  it("are sound in the guide too", () => {
    const guide = readFileSync(join(DEPLOY, "guides", "rollouts.md"), "utf8");
    const blocks = [...guide.matchAll(/^cat > (\S+) <<'END'\n(.*?)^END$/gmsu)];
    assert.ok(blocks.length >= 2);
    for (const [, place = "", text = ""] of blocks) assert.deepEqual(faultLines({ place, ...checkRollout(text) }), []);
  });
});
