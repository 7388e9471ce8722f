import { type Chain, type Fact, fact, type Prediction, type Profile } from "@mpo/core";
import fc from "fast-check";
import * as z from "zod";
import type { ArtifactManifest, DesiredDocument, ReportProfileRequest } from "../index.ts";
import { LIMITS } from "../limits.ts";
import { plainSchema } from "../mapping.ts";

type Found = Readonly<Record<string, unknown>>;

/** Values that a schema takes: within its bounds, and of one piece where its parts depend on each other. */
export function valuesOf<Schema extends z.ZodType>(schema: Schema): fc.Arbitrary<Fact<Schema>> {
  return anyOf(schema) as fc.Arbitrary<Fact<Schema>>;
}

function anyOf(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  const plain = plainSchema(schema);
  if (plain instanceof z.ZodObject) return objects(plain);
  if (plain instanceof z.ZodArray) return lists(plain);
  if (plain instanceof z.ZodNumber) return numbers(plain);
  if (plain instanceof z.ZodString) return texts(plain);
  if (plain instanceof z.ZodBoolean) return fc.boolean();
  if (plain instanceof z.ZodEnum) return fc.constantFrom(...plain.options);
  if (plain instanceof z.ZodLiteral) return fc.constant(plain.value);
  if (plain instanceof z.ZodDiscriminatedUnion) return fc.oneof(...plain.options.map(anyOf));
  const { min, max } = fact.LENGTHS.get(plain as z.ZodType) ?? { min: 0, max: 0 };
  return fc.uint8Array({ minLength: min, maxLength: Math.min(max, Math.max(min, 300)) });
}

function objects({ shape }: z.ZodObject): fc.Arbitrary<unknown> {
  const keys = Object.keys(shape);
  const values = Object.fromEntries(keys.map((key) => [key, anyOf(shape[key] as z.ZodType)]));
  const requiredKeys = keys.filter((key) => !(shape[key] instanceof z.ZodOptional));
  const whole = REPAIRS.find(({ has }) => has.every((key) => keys.includes(key)))?.repair;
  const made = fc.record(values, { requiredKeys, noNullPrototype: true });
  return whole === undefined ? made : made.map((value) => whole(value as never));
}

function lists(plain: z.ZodArray): fc.Arbitrary<unknown> {
  const { minimum = 0 } = ruleOf(plain, "min_length");
  const { maximum = 0 } = ruleOf(plain, "max_length");
  const lengths = { minLength: minimum, maxLength: Math.min(maximum, Math.max(minimum, 6)) };
  const item = plain.element;
  // Labels, of which each name may be there once.
  const isNamed = item instanceof z.ZodObject && Object.keys(item.shape).join() === "name,value";
  if (!isNamed) return fc.array(anyOf(item), lengths);
  return fc.uniqueArray(anyOf(item) as fc.Arbitrary<{ readonly name: string }>, {
    selector: ({ name }) => name,
    ...lengths,
  });
}

function numbers(schema: z.ZodNumber): fc.Arbitrary<number> {
  const [min, max] = [schema.minValue as number, schema.maxValue as number];
  const minExcluded = ruleOf(schema, "greater_than").inclusive === false;
  return schema.isInt ? fc.integer({ min, max }) : fc.double({ min, max, minExcluded, noNaN: true });
}

interface Rule {
  readonly check: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly inclusive?: boolean;
  readonly pattern?: RegExp;
}

/** A rule among a schema's own. */
export function ruleOf(schema: z.ZodType, check: string): Partial<Rule> {
  const rules = (schema._zod.def.checks ?? []).map(({ _zod }) => _zod.def as Rule);
  return rules.find((rule) => rule.check === check) ?? {};
}

/** In any script; with lines where they are allowed. */
function texts(schema: z.ZodString): fc.Arbitrary<string> {
  const isGood = (text: string): boolean => schema.safeParse(text).success;
  const { pattern } = ruleOf(schema, "string_format");
  if (pattern !== undefined) return fc.stringMatching(pattern).filter(isGood);
  const { min = 0, max = 0 } = fact.LENGTHS.get(schema) ?? {};
  const bounds = { minLength: min, maxLength: max };
  const lines = fc.oneof(fc.string(bounds), fc.string({ ...bounds, unit: "grapheme" })).filter(isGood);
  return isGood("a\nb")
    ? fc
        .array(lines, { minLength: 1, maxLength: 5 })
        .map((all) => all.join("\n"))
        .filter(isGood)
    : lines;
}

interface Repair {
  /** Keys of the object that it is for. */
  readonly has: readonly string[];
  /** The value with its parts made to fit each other. */
  readonly repair: (value: never) => unknown;
}

const REPAIRS: readonly Repair[] = [
  { has: ["expected", "upper"], repair: bounded },
  { has: ["startAccuracy", "points"], repair: rising },
  { has: ["ops", "units"], repair: soundChain },
  { has: ["unitTimes", "model"], repair: soundProfile },
  { has: ["rungs", "chosenRung"], repair: soundDocument },
  { has: ["report", "profile"], repair: soundReport },
  { has: ["files", "chainDigest"], repair: soundManifest },
];

function bounded(value: { readonly expected: number; readonly upper: number; readonly lower?: number }): Found {
  const { expected, upper, lower, ...rest } = value;
  if (lower === undefined) return { ...rest, expected: Math.min(expected, upper), upper: Math.max(expected, upper) };
  const [least, middle, most] = [lower, expected, upper].toSorted((left, right) => left - right);
  return { ...rest, lower: least, expected: middle, upper: most };
}

function rising(value: Profile["accuracy"][number]): Found {
  const steps = [...new Set(value.points.map((point) => point.steps))].toSorted((left, right) => left - right);
  return { ...value, points: steps.map((step, index) => ({ ...value.points[index], steps: step })) };
}

/** One operation a unit: sound, though no model is like it. */
function soundChain(chain: Chain): Chain {
  const ops = chain.ops.slice(0, 6);
  const first = { inputs: [0] };
  return {
    model: chain.model,
    input: 0,
    output: ops.length,
    values: Array.from({ length: ops.length + 1 }, (_, id) => ({
      id,
      name: `value-${id}`,
      bytes: { fixed: 0, perSample: 4 * id },
      unit: id - 1,
    })),
    parameters: chain.parameters.map((parameter, id) => ({ ...parameter, id })),
    ops: ops.map((op, id) => ({
      ...op,
      ...first,
      id,
      unit: id,
      inputs: [id],
      output: id + 1,
      parameters: chain.parameters.map((_, place) => place),
      forward: { ...op.forward, overwrites: [0] },
      backward: {
        ...op.backward,
        inputNeeds: { ...op.backward.inputNeeds, ...first },
        parameterNeeds: { ...op.backward.parameterNeeds, inputs: [] },
      },
    })),
    units: ops.map((_, id) => ({ name: `unit-${id}`, firstOp: id, lastOp: id, input: id, output: id + 1 })),
  };
}

function soundProfile(profile: Profile): Profile {
  const unitTimes = profile.unitTimes.map((sample, unit) => ({ ...sample, unit }));
  return {
    ...profile,
    unitTimes,
    model: { ...profile.model, unitCount: (profile.model.unitCount % 4_000) + unitTimes.length + 1 },
  };
}

function soundDocument(document: DesiredDocument): DesiredDocument {
  const upper = ({ memoryBytes }: Prediction): number => memoryBytes.upper;
  const issuedAtMs = document.issuedAtMs % 4e12;
  return {
    ...document,
    rungs: document.rungs.toSorted((left, right) => upper(left) - upper(right)),
    issuedAtMs,
    expiresAtMs: issuedAtMs + 1 + (document.expiresAtMs % 1e9),
    chosenRung: document.chosenRung % Math.max(1, document.rungs.length),
    ...(document.rungs.length === 0 && { artifact: { version: 1, digest: document.manifestDigest } }),
  };
}

/** Of one device and one model. */
function soundReport({ chain, profile, ...rest }: ReportProfileRequest): ReportProfileRequest {
  const own = { ...profile, device: { ...profile.device, id: rest.identity.device } };
  if (chain === undefined) return { ...rest, profile: own };
  const unitTimes = own.unitTimes.filter(({ unit }) => unit < chain.units.length);
  return { ...rest, chain, profile: { ...own, unitTimes, model: { ...own.model, unitCount: chain.units.length } } };
}

/** Files in order, each with as many chunks as its length needs. */
function soundManifest(manifest: ArtifactManifest): ArtifactManifest {
  const names = [...new Set(manifest.files.map(({ name }) => name))].toSorted();
  const files = names.map((name, index) => {
    const file = manifest.files[index] as ArtifactManifest["files"][number];
    const { length } = file.chunks;
    const bytes = length === 0 ? 0 : (length - 1) * LIMITS.chunkBytes + 1 + (file.bytes % LIMITS.chunkBytes);
    return { ...file, name, bytes };
  });
  return { ...manifest, files, manifestDigest: (files[0] as (typeof files)[number]).digest };
}
