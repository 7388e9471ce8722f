import {
  type AffineBytes,
  type Chain,
  type ChainOp,
  type ChainParameter,
  type ChainValue,
  type GradientNeeds,
  NO_BYTES,
} from "../facts/index.ts";

/** A unit between a stem and a tail that cost nothing: what planning it shows is the unit's alone. */
export interface IsolatedUnit {
  readonly chain: Chain;
  /** Values of the unit's input and output in that chain. */
  readonly input: number;
  readonly output: number;
  /** Some parameter of the unit trains. */
  readonly trains: boolean;
  readonly tailParameter: number;
}

export const STEM_UNIT = 0;
export const THE_UNIT = 1;
export const TAIL_UNIT = 2;

const NOTHING: GradientNeeds = { inputs: [], output: false, statistics: false };

export interface UnitSurroundings {
  readonly frozen: readonly boolean[];
  /** The loss's gradient has to reach the unit's input. */
  readonly wantsInputGradient: boolean;
  /** Somebody before the unit still needs the unit's input after the unit's own last use of it. */
  readonly isInputHeld: boolean;
}

/** Cuts one unit out of a chain: operation `id` of the result is the unit's operation `id - 1`. Frozen parameters are left out: to a plan they are as good as absent. */
export function isolateUnit(chain: Chain, unitIndex: number, surroundings: UnitSurroundings): IsolatedUnit {
  const unit = chain.units[unitIndex]!;
  const unitOps = chain.ops.slice(unit.firstOp, unit.lastOp + 1);
  const inputValue = chain.values[unit.input]!;
  // Held without a gradient: nothing of the stem runs at the end, so the stem only renames the batch, which always stays.
  const isBatch = surroundings.isInputHeld && !surroundings.wantsInputGradient;
  const values: ChainValue[] = [{ id: 0, name: "batch", bytes: isBatch ? inputValue.bytes : NO_BYTES, unit: -1 }];
  const parameters: ChainParameter[] = [];
  const localValue = new Map<number, number>();

  const addValue = (name: string, bytes: AffineBytes, owner: number): number => {
    values.push({ id: values.length, name, bytes, unit: owner });
    return values.length - 1;
  };
  const addParameter = (parameter: Omit<ChainParameter, "id">): number => {
    parameters.push({ ...parameter, id: parameters.length });
    return parameters.length - 1;
  };
  const addFreeParameter = (layer: string): number =>
    addParameter({ name: layer, layer, layerClass: "linear", bytes: 0 });

  const input = addValue("stem", inputValue.bytes, STEM_UNIT);
  localValue.set(unit.input, input);
  const stemParameters = surroundings.wantsInputGradient ? [addFreeParameter("stem")] : [];
  const stemNeeds = surroundings.isInputHeld ? { ...NOTHING, output: true } : NOTHING;
  const ops: ChainOp[] = [{ ...freeOp(0, STEM_UNIT, [0], input, stemParameters, stemNeeds), isAlias: isBatch }];

  for (const op of unitOps) {
    const { name, bytes } = chain.values[op.output]!;
    const output = addValue(name, bytes, THE_UNIT);
    localValue.set(op.output, output);
    const trained = op.parameters.filter((id) => !surroundings.frozen[id]);
    ops.push({
      ...op,
      id: ops.length,
      unit: THE_UNIT,
      inputs: op.inputs.map((value) => localValue.get(value)!),
      output,
      parameters: trained.map((id) => addParameter(chain.parameters[id]!)),
    });
  }
  const output = localValue.get(unit.output)!;
  const logits = addValue("logits", NO_BYTES, TAIL_UNIT);
  ops.push(freeOp(ops.length, TAIL_UNIT, [output], logits, [addFreeParameter("tail")], NOTHING));

  const isolated: Chain = {
    model: `${chain.model}/${unit.name}`,
    input: 0,
    output: logits,
    values,
    parameters,
    ops,
    units: [
      { name: "stem", firstOp: 0, lastOp: 0, input: 0, output: input },
      { name: unit.name, firstOp: 1, lastOp: unitOps.length, input, output },
      { name: "tail", firstOp: ops.length - 1, lastOp: ops.length - 1, input: output, output: logits },
    ],
  };
  const tailParameter = parameters.length - 1;
  return { chain: isolated, input, output, trains: tailParameter > stemParameters.length, tailParameter };
}

function freeOp(
  id: number,
  unit: number,
  inputs: readonly number[],
  output: number,
  parameters: readonly number[],
  parameterNeeds: GradientNeeds,
): ChainOp {
  return {
    id,
    name: `free${id}`,
    kind: "free",
    unit,
    inputs,
    output,
    parameters,
    isAlias: false,
    forward: { workBytes: NO_BYTES, overwrites: [], flopsPerSample: 0 },
    backward: {
      passesThrough: false,
      isJoint: false,
      inputNeeds: NOTHING,
      parameterNeeds,
      inputWorkBytes: NO_BYTES,
      parameterWorkBytes: NO_BYTES,
      overwritesGradient: false,
    },
  };
}
