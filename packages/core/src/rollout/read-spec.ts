import * as z from "zod";
import { type Fault, faultsIn, MpoError } from "../facts/index.ts";
import { type RolloutSpec, rolloutSpecSchema, specShape } from "./spec.ts";
import { percentOf } from "./written-units.ts";

/** Characters of a rollout's file as JSON, which is how it is sent and stored. */
export const MAX_SPEC_LENGTH = 16_384;

/** Reads a rollout's file. Throws `invalid-argument` with all that is wrong with it. */
export function parseRolloutSpec(value: unknown): RolloutSpec {
  const faults = rolloutFaults(value);
  if (faults.length === 0) return rolloutSpecSchema.parse(value) as RolloutSpec;
  const words = faults.map(({ path, message }) => `${path.length === 0 ? "the rollout" : path.join(".")} ${message}`);
  throw new MpoError("invalid-argument", words.join("; "));
}

/** All that is wrong with a rollout's file, and where; empty: nothing is. */
export function rolloutFaults(value: unknown): readonly Fault[] {
  const { length } = JSON.stringify(value) ?? "";
  const isLong = length > MAX_SPEC_LENGTH;
  const tooLong = { path: [], message: `has ${length} characters as JSON; expected up to ${MAX_SPEC_LENGTH}` };
  return [...faultsIn(rolloutSpecSchema, value), ...contradictions(soundParts(value)), ...(isLong ? [tooLong] : [])];
}

/** The JSON schema of a rollout's file, for editors. */
export function rolloutJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(rolloutSpecSchema, { io: "input", unrepresentable: "any", target: "draft-7" });
}

/** The parts of a file that are right in themselves: what is wrong between them is said beside what is wrong in others. */
function soundParts(value: unknown): Partial<RolloutSpec> {
  const raw = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const parts = Object.entries(specShape).flatMap(([key, schema]) => {
    const part = schema.safeParse(raw[key]);
    return part.success ? [[key, part.data] as const] : [];
  });
  return Object.fromEntries(parts) as Partial<RolloutSpec>;
}

const NOTHING = "is 0%; expected more than 0%";

/** What contradicts itself. */
function contradictions({ waves = [], gates = [], control = 0, success = 1 }: Partial<RolloutSpec>): readonly Fault[] {
  const faults: Fault[] = [];
  let before = 0;
  for (const [index, { percent, success: share }] of waves.entries()) {
    if (share === 0) faults.push({ path: ["waves", index, "success"], message: NOTHING });
    if (percent !== undefined && percent <= before) {
      const message = `is ${percentOf(percent)}; expected more than ${percentOf(before)}: it counts all devices so far`;
      faults.push({ path: ["waves", index, "percent"], message });
    }
    before = percent ?? before;
  }
  for (const [index, { name, metric, minimumSample }] of gates.entries()) {
    if (gates.findIndex((one) => one.name === name) < index)
      faults.push({ path: ["gates", index, "name"], message: `is ${name}, as of another gate; expected another name` });
    if (metric === undefined && minimumSample > 1) {
      const message = `is ${minimumSample}; expected it with a metric: others do not say what their number stands on`;
      faults.push({ path: ["gates", index, "minimumSample"], message });
    }
    if (metric === "gain-over-control" && control === 0)
      faults.push({ path: ["gates", index, "metric"], message: `is ${metric}; expected a control group as well` });
  }
  if (control > 0.5) faults.push({ path: ["control"], message: `is ${percentOf(control)}; expected at most 50%` });
  if (success === 0) faults.push({ path: ["success"], message: NOTHING });
  return faults;
}
