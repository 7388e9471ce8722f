import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { DEVICE_STATES, ROLLOUT_PHASES, WAVE_STATES } from "@mpo/core";
import {
  ROLLOUT_SCHEMA,
  ROLLOUTS_GUIDE,
  rolloutSchema,
  withFields,
} from "../deploy/schemas/generate-rollout-schema.mjs";

describe("the guide to rollouts", () => {
  const guide = readFileSync(ROLLOUTS_GUIDE, "utf8");

  it("has every field that a file may have, and the schema too", () => {
    assert.ok(guide === withFields(guide), "deploy/guides/rollouts.md is out of date: run `npm run guides`");
    const isCurrent = readFileSync(ROLLOUT_SCHEMA, "utf8") === rolloutSchema();
    assert.ok(isCurrent, "deploy/schemas/rollout.schema.json is out of date: run `npm run guides`");
  });

  it("says what each state means", () => {
    const missing = [...ROLLOUT_PHASES, ...WAVE_STATES, ...DEVICE_STATES].filter(
      (state) => !guide.includes(`| \`${state}\` |`),
    );
    assert.deepEqual(missing, []);
  });
});
