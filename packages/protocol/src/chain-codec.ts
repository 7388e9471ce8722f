import { deflateRawSync, inflateRawSync } from "node:zlib";
import {
  type AffineBytes,
  type Chain,
  type ChainOp,
  type ChainParameter,
  type ChainUnit,
  type ChainValue,
  FieldReader,
  type GradientNeeds,
  invalid,
  LAYER_CLASSES,
  MpoError,
} from "@mpo/core";
import { type Field, refuse } from "./field.ts";
import { LIMITS, MAX_CHAIN_UNITS, MAX_WHOLE } from "./limits.ts";

const BYTES = { least: 0, most: MAX_WHOLE };
/** A chain of the largest models that are planned takes a tenth of this. */
const MAX_TEXT_BYTES = 4 * 2 ** 20;
const MAX_OPS = 16_384;

/**
 * A chain on the wire: its JSON, compressed with deflate (a twentieth of the text). What comes in is checked whole, every
 * index too, so that planning it can neither fail on it nor run away. Equal chains have equal bytes.
 */
export const chain: Field<Chain> = {
  wireType: "TYPE_BYTES",
  isRepeated: false,
  decode: (wire, path) => {
    if (!(wire instanceof Uint8Array) || wire.length === 0 || wire.length > LIMITS.chainBytes)
      return refuse(path, wire, `1 to ${LIMITS.chainBytes} bytes`);
    return checkedChain(parsed(wire, path), path);
  },
  encode: (value, path) => {
    const text = Buffer.from(JSON.stringify(checkedChain(value, path)));
    const packed = deflateRawSync(text);
    if (text.length > MAX_TEXT_BYTES || packed.length > LIMITS.chainBytes)
      return refuse(path, packed, `at most ${LIMITS.chainBytes} bytes`);
    return packed;
  },
};

/** A chain's bytes as they travel, to be stored. Throws `invalid-data`. */
export function chainToBytes(value: Chain): Uint8Array {
  return chain.encode(value, "chain") as Buffer;
}

/** Reads what `chainToBytes` made. Throws `invalid-data`. */
export function chainFromBytes(bytes: Uint8Array): Chain {
  return chain.decode(bytes, "chain");
}

function parsed(wire: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(inflateRawSync(wire, { maxOutputLength: MAX_TEXT_BYTES }).toString("utf8"));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.slice(0, 80) : "";
    throw new MpoError("invalid-data", `${path} is no compressed JSON: ${reason}`, { cause: thrown });
  }
}

function checkedChain(value: unknown, path: string): Chain {
  const fields = new FieldReader(value, path);
  const chainOfParts: Chain = {
    model: fields.text("model"),
    input: fields.number("input", { least: 0, isWhole: true }),
    output: fields.number("output", { least: 0, isWhole: true }),
    values: fields.list("values", chainValueOf),
    parameters: fields.list("parameters", parameterOf),
    ops: fields.list("ops", opOf),
    units: fields.list("units", unitOf),
  };
  checkReferences(chainOfParts, path);
  return chainOfParts;
}

function id(fields: FieldReader, name: string): number {
  return fields.number(name, { least: 0, most: MAX_OPS, isWhole: true });
}

function ids(fields: FieldReader, name: string): readonly number[] {
  return fields.numbers(name, { least: 0, most: MAX_OPS, isWhole: true }, 0);
}

function affine(fields: FieldReader): AffineBytes {
  return { fixed: fields.number("fixed", BYTES), perSample: fields.number("perSample", BYTES) };
}

function chainValueOf(fields: FieldReader): ChainValue {
  return {
    id: id(fields, "id"),
    name: fields.text("name"),
    bytes: affine(fields.object("bytes")),
    unit: fields.number("unit", { least: -1, most: MAX_CHAIN_UNITS, isWhole: true }),
  };
}

function parameterOf(fields: FieldReader): ChainParameter {
  return {
    id: id(fields, "id"),
    name: fields.text("name"),
    layer: fields.text("layer"),
    layerClass: fields.oneOf("layerClass", LAYER_CLASSES),
    bytes: fields.number("bytes", BYTES),
  };
}

function needsOf(fields: FieldReader): GradientNeeds {
  return { inputs: ids(fields, "inputs"), output: fields.flag("output"), statistics: fields.flag("statistics") };
}

function opOf(fields: FieldReader): ChainOp {
  const forward = fields.object("forward");
  const backward = fields.object("backward");
  return {
    id: id(fields, "id"),
    name: fields.text("name"),
    kind: fields.text("kind"),
    unit: id(fields, "unit"),
    inputs: ids(fields, "inputs"),
    output: id(fields, "output"),
    parameters: ids(fields, "parameters"),
    ...(fields.has("statisticsBytes") ? { statisticsBytes: affine(fields.object("statisticsBytes")) } : {}),
    ...(fields.has("worksOutsidePool") ? { worksOutsidePool: fields.flag("worksOutsidePool") } : {}),
    ...(fields.has("kernelBytes") ? { kernelBytes: fields.number("kernelBytes", BYTES) } : {}),
    isAlias: fields.flag("isAlias"),
    forward: {
      workBytes: affine(forward.object("workBytes")),
      ...(forward.has("earlyWorkBytes") ? { earlyWorkBytes: affine(forward.object("earlyWorkBytes")) } : {}),
      overwrites: ids(forward, "overwrites"),
      flopsPerSample: forward.number("flopsPerSample", { least: 0, most: 1e18 }),
    },
    backward: {
      passesThrough: backward.flag("passesThrough"),
      isJoint: backward.flag("isJoint"),
      inputNeeds: needsOf(backward.object("inputNeeds")),
      parameterNeeds: needsOf(backward.object("parameterNeeds")),
      inputWorkBytes: affine(backward.object("inputWorkBytes")),
      parameterWorkBytes: affine(backward.object("parameterWorkBytes")),
      overwritesGradient: backward.flag("overwritesGradient"),
    },
  };
}

function unitOf(fields: FieldReader): ChainUnit {
  return {
    name: fields.text("name"),
    firstOp: id(fields, "firstOp"),
    lastOp: id(fields, "lastOp"),
    input: id(fields, "input"),
    output: id(fields, "output"),
  };
}

/** Ids are positions, values are made before they are read, units cut the operations into runs. */
function checkReferences({ input, output, values, parameters, ops, units }: Chain, path: string): void {
  const expect = (holds: boolean, where: string, found: unknown, expected: string): void => {
    if (!holds) throw invalid(`${path}.${where}`, found, expected);
  };
  expect(ops.length >= 1 && ops.length <= MAX_OPS, "ops", ops.length, `1 to ${MAX_OPS} operations`);
  expect(units.length <= MAX_CHAIN_UNITS, "units", units.length, `at most ${MAX_CHAIN_UNITS} units`);
  for (const [name, list] of Object.entries({ values, parameters, ops })) {
    for (const [index, one] of list.entries())
      expect(one.id === index, `${name}[${index}].id`, one.id, `its position, ${index}`);
  }
  const made = new Set([input]);
  expect(input < values.length, "input", input, "a value's id");
  for (const [index, op] of ops.entries()) {
    const at = `ops[${index}]`;
    const isRead = op.inputs.length > 0 && op.inputs.every((one) => made.has(one));
    expect(isRead, `${at}.inputs`, op.inputs, "values that were made before");
    expect(op.output < values.length && !made.has(op.output), `${at}.output`, op.output, "a value made only here");
    made.add(op.output);
    const known = op.parameters.every((one) => one < parameters.length);
    expect(known, `${at}.parameters`, op.parameters, "ids of parameters");
    const { forward, backward } = op;
    const places = [forward.overwrites, backward.inputNeeds.inputs, backward.parameterNeeds.inputs].flat();
    const isPlaced = places.every((one) => one < op.inputs.length);
    expect(isPlaced, at, places, "positions of its inputs");
  }
  expect(made.has(output), "output", output, "a value that is made");
  let next = 0;
  for (const [index, unit] of units.entries()) {
    const at = `units[${index}]`;
    const isRun = unit.firstOp === next && unit.lastOp >= unit.firstOp && unit.lastOp < ops.length;
    expect(isRun, at, [unit.firstOp, unit.lastOp], `a run of operations from ${next}`);
    const isOwn = ops.slice(unit.firstOp, unit.lastOp + 1).every((op) => op.unit === index);
    expect(isOwn, at, unit.name, "operations that name it as their unit");
    expect(made.has(unit.input) && made.has(unit.output), at, [unit.input, unit.output], "values that are made");
    next = unit.lastOp + 1;
  }
  expect(next === ops.length, "units", next, `units for all ${ops.length} operations`);
  const inUnits = values.every(({ unit }) => unit < units.length);
  expect(inUnits, "values", units.length, "values of units that exist");
}
