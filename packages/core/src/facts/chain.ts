import { affineSchema } from "./affine-bytes.ts";
import { LAYER_CLASSES } from "./layer-classes.ts";
import {
  byteCount,
  consistent,
  type Fact,
  flag,
  list,
  number,
  object,
  type Refuse,
  text,
  whole,
  word,
} from "./schema.ts";

/** Units of a chain that is planned: the placement of checkpoints takes time by their cube. */
const MAX_CHAIN_UNITS = 512;
const MAX_OPS = 16_384;

const id = whole(0, MAX_OPS);
const ids = list(id, 0, MAX_OPS);
const label = text(1, 256);

/** What flows between operations: one activation of the model. `chain.values[id]` is the value with that id. */
export type ChainValue = Fact<typeof valueSchema>;
const valueSchema = object({
  id,
  name: label,
  bytes: affineSchema,
  /** The unit that produces it; -1 for the model's input. */
  unit: whole(-1, MAX_CHAIN_UNITS - 1),
});

/** One trainable parameter tensor. Moving statistics are state, not parameters, and are not listed. */
export type ChainParameter = Fact<typeof parameterSchema>;
const parameterSchema = object({ id, name: label, layer: label, layerClass: word(LAYER_CLASSES), bytes: byteCount() });

/** Which tensors of its forward pass a gradient reads. */
export type GradientNeeds = Fact<typeof needsSchema>;
const needsSchema = object({
  /** Positions in `ChainOp.inputs`. */
  inputs: ids,
  output: flag(),
  /** The small statistics that the forward pass kept (mean and variance of a normalisation). */
  statistics: flag(),
});

/** One operation of the model, with the facts from which a step is planned. The engine's op table supplies them. */
export type ChainOp = Fact<typeof opSchema>;
const opSchema = object({
  id,
  name: label,
  kind: label,
  unit: id,
  inputs: ids,
  output: id,
  parameters: ids,
  /** Statistics kept for the gradient in addition to the output; absent: none. */
  statisticsBytes: affineSchema.optional(),
  /**
   * Whether work space comes from the kernel library's own allocation (convolutions reorder their kernels there) and not
   * from the allocator's pool; absent: from the pool.
   */
  worksOutsidePool: flag().optional(),
  /** Resident bytes of one compiled kernel (code, tables); each direction has one. Absent: none. */
  kernelBytes: byteCount().optional(),
  /** The output is the input seen in another shape: same buffer, no work. */
  isAlias: flag(),
  forward: object({
    /** Held while the operation runs, in addition to its output. */
    workBytes: affineSchema,
    /** Held at its beginning and given back before the output is there; absent: none. */
    earlyWorkBytes: affineSchema.optional(),
    /** Positions of inputs whose buffer the output takes over when this is that buffer's last reader. */
    overwrites: ids,
    /** Floating point operations for one sample. */
    flopsPerSample: number(0, 1e18),
  }),
  backward: object({
    /** The gradient of every input is the gradient of the output itself (addition). */
    passesThrough: flag(),
    /** One kernel gives the gradients of input and parameters together (normalisation). */
    isJoint: flag(),
    inputNeeds: needsSchema,
    parameterNeeds: needsSchema,
    inputWorkBytes: affineSchema,
    parameterWorkBytes: affineSchema,
    /** The gradient of input 0 takes over the buffer of the output's gradient when this is its last reader. */
    overwritesGradient: flag(),
  }),
});

/** The smallest piece between two articulation points: a residual block, a conv-norm-relu, the head. */
export type ChainUnit = Fact<typeof unitSchema>;
const unitSchema = object({
  name: label,
  /** Operations `firstOp .. lastOp`, both included; units partition the operations in order. */
  firstOp: id,
  lastOp: id,
  /** The one value it reads from before it, and the one that later units read from it. */
  input: id,
  output: id,
});

const partsSchema = object({
  model: label,
  input: id,
  /** The logits, which the loss reads. */
  output: id,
  values: list(valueSchema, 0, 2 * MAX_OPS),
  parameters: list(parameterSchema, 0, 2 * MAX_OPS),
  ops: list(opSchema, 1, MAX_OPS),
  units: list(unitSchema, 1, MAX_CHAIN_UNITS),
});

/**
 * A model as a chain of units, in execution order: what is planned, predicted and compiled. One that comes in is checked
 * whole, every index too, so that planning it can neither fail on it nor run away.
 */
export type Chain = Fact<typeof chainSchema>;
export const chainSchema = consistent(partsSchema, checkReferences);

/** Ids are positions, values are made before they are read, units cut the operations into runs. */
function checkReferences(
  { input, output, values, parameters, ops, units }: Fact<typeof partsSchema>,
  refuse: Refuse,
): void {
  const expect = (holds: boolean, path: Parameters<Refuse>[0], found: unknown, expected: string): void => {
    if (!holds) refuse(path, found, expected);
  };
  for (const [list, all] of Object.entries({ values, parameters, ops })) {
    for (const [index, one] of all.entries())
      expect(one.id === index, [list, index, "id"], one.id, `its position, ${index}`);
  }
  const made = new Set([input]);
  expect(input < values.length, ["input"], input, "a value's id");
  for (const [index, op] of ops.entries()) {
    const isRead = op.inputs.length > 0 && op.inputs.every((one) => made.has(one));
    expect(isRead, ["ops", index, "inputs"], op.inputs, "values that were made before");
    const isMade = op.output < values.length && !made.has(op.output);
    expect(isMade, ["ops", index, "output"], op.output, "a value made only here");
    made.add(op.output);
    const isKnown = op.parameters.every((one) => one < parameters.length);
    expect(isKnown, ["ops", index, "parameters"], op.parameters, "ids of parameters");
    const { forward, backward } = op;
    const places = [forward.overwrites, backward.inputNeeds.inputs, backward.parameterNeeds.inputs].flat();
    const isPlaced = places.every((one) => one < op.inputs.length);
    expect(isPlaced, ["ops", index], places, "positions of its inputs");
  }
  expect(made.has(output), ["output"], output, "a value that is made");
  let next = 0;
  for (const [index, unit] of units.entries()) {
    const at = ["units", index];
    const isRun = unit.firstOp === next && unit.lastOp >= unit.firstOp && unit.lastOp < ops.length;
    expect(isRun, at, [unit.firstOp, unit.lastOp], `a run of operations from ${next}`);
    const isOwn = ops.slice(unit.firstOp, unit.lastOp + 1).every((op) => op.unit === index);
    expect(isOwn, at, unit.name, "operations that name it as their unit");
    expect(made.has(unit.input) && made.has(unit.output), at, [unit.input, unit.output], "values that are made");
    next = unit.lastOp + 1;
  }
  expect(next === ops.length, ["units"], next, `units for all ${ops.length} operations`);
  const isInUnit = values.every(({ unit }) => unit < units.length);
  expect(isInUnit, ["values"], units.length, "values of units that exist");
}
