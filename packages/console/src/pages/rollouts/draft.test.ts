import assert from "node:assert/strict";
import { it } from "node:test";
import { parseRolloutSpec } from "@mpo/core";
import { type Draft, FIRST_DRAFT, specOf, yamlOf } from "./draft.ts";
import { specOfYaml } from "./read-yaml.ts";

const DRAFTS: readonly Partial<Draft>[] = [
  {},
  { where: 'label.site = "bad ems" and memory < 2GiB', canary: "3", dwell: "", approval: true, onFailure: "pause" },
  { change: "version", version: "7", where: 'name matches "*: #"', canary: "12.5%" },
];

for (const [index, changes] of DRAFTS.entries()) {
  it(`draft ${index} is the same rollout as a form and as a file`, () => {
    const draft = { ...FIRST_DRAFT, name: "less-memory", model: "camera", ...changes };
    const ofForm = parseRolloutSpec(JSON.parse(specOf(draft)));
    assert.deepEqual(parseRolloutSpec(JSON.parse(specOfYaml(yamlOf(draft)))), ofForm);
  });
}

it("a file that is not YAML is refused with the place", () => {
  assert.throws(() => specOfYaml("name: [a\nmodel: b"), { code: "invalid-argument", message: /line 2/u });
});
