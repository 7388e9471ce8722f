import {
  type Chain,
  type ChainUnit,
  type RetrainConfig,
  remembered,
  resolveRetrainConfig,
  type StepMemoryFacts,
} from "../facts/index.ts";
import { planStep, trainedBytes, valuesWithGradient } from "../plan/index.ts";
import { memoryTimeline } from "./memory-timeline.ts";
import { planUnit, type UnitCosts, type UnitWork } from "./plan-unit.ts";
import { type PlannedGrowth, plannedGrowth } from "./resident-memory.ts";

/** Memory of a whole step as planned, bytes. */
export interface PlannedMemory extends PlannedGrowth {
  /** Peak of `memoryTimeline`. */
  readonly timelineBytes: number;
  /** Of the parameters that train. */
  readonly trainedBytes: number;
}

/** Whole steps that are remembered, at most. */
const MAX_PLANNED = 4_096;

/**
 * Costs of all units of a chain under any set of frozen parameters, got by planning each unit on its own with
 * `planStep` and walking it with `memoryTimeline`. Remembers what it has planned: units of equal structure (the blocks
 * of one stage) and equal freezing are planned once.
 */
export class UnitCostTable {
  readonly chain: Chain;
  /** Number of each unit's structure: equal for units that differ in names only. */
  readonly #structures: readonly number[];
  readonly #byStructure = new Map<string, UnitCosts>();
  readonly #byUnit: readonly Map<string, UnitCosts>[];
  readonly #planned = new Map<string, PlannedMemory>();

  constructor(chain: Chain) {
    this.chain = chain;
    const numbers = new Map<string, number>();
    this.#structures = chain.units.map((_, unit) => {
      return remembered(numbers, structureOf(chain, unit), () => numbers.size);
    });
    this.#byUnit = chain.units.map(() => new Map());
  }

  /**
   * Memory of one config by planning the whole step: milliseconds. Remembered: the devices of a model are probed with the
   * same configs, and their searches end among the same. Throws `invalid-argument` for one that the chain cannot run.
   */
  planned(partial: Partial<RetrainConfig>, facts: StepMemoryFacts): PlannedMemory {
    const config = resolveRetrainConfig(partial);
    const key = JSON.stringify([config, facts]);
    const known = this.#planned.get(key);
    if (known !== undefined) return known;
    const plan = planStep(this.chain, config);
    const planned: PlannedMemory = {
      ...plannedGrowth(plan, facts),
      timelineBytes: memoryTimeline(plan, facts).peakBytes,
      trainedBytes: trainedBytes(this.chain, plan.frozen),
    };
    if (this.#planned.size >= MAX_PLANNED) this.#planned.clear();
    this.#planned.set(key, planned);
    return planned;
  }

  /** With nothing frozen. */
  unfrozen(): readonly UnitCosts[] {
    return this.costs(this.chain.parameters.map(() => false));
  }

  /** `frozen[parameterId]`, as `frozenParameters` gives it. One entry a unit. */
  costs(frozen: readonly boolean[]): readonly UnitCosts[] {
    const wanted = valuesWithGradient(this.chain, frozen);
    return this.chain.units.map((unit, index) => {
      const wantsInputGradient = wanted[unit.input] === true;
      const state = `${wantsInputGradient ? "+" : "-"}${maskOf(this.chain, unit, frozen)}`;
      return remembered(this.#byUnit[index]!, state, () => {
        const key = `${this.#structures[index]} ${state}`;
        const plan = (): UnitCosts => planUnit(this.chain, index, frozen, wantsInputGradient);
        const planned = remembered(this.#byStructure, key, plan);
        return { ...planned, work: relocated(planned.work, this.chain, index) };
      });
    });
  }
}

/** Gives work that is numbered within a unit the numbers of the model. */
function relocated(work: UnitCosts["work"], chain: Chain, unit: number): UnitCosts["work"] {
  const { firstOp } = chain.units[unit]!;
  const move = (entries: readonly UnitWork[]): readonly UnitWork[] =>
    entries.map((entry) => (entry.kind === "addGradients" ? entry : { ...entry, op: entry.op + firstOp - 1 }));
  return { forward: move(work.forward), again: move(work.again), backward: move(work.backward) };
}

function maskOf(chain: Chain, unit: ChainUnit, frozen: readonly boolean[]): string {
  let mask = "";
  for (let op = unit.firstOp; op <= unit.lastOp; op++) {
    for (const parameter of chain.ops[op]!.parameters) mask += frozen[parameter] ? "f" : "t";
  }
  return mask;
}

/** Equal for units that differ in names only. */
function structureOf(chain: Chain, unitIndex: number): string {
  const unit = chain.units[unitIndex]!;
  const locals = new Map<number, number>([[unit.input, -1]]);
  const ops = chain.ops.slice(unit.firstOp, unit.lastOp + 1).map((op, index) => {
    const inputs = op.inputs.map((value) => locals.get(value));
    locals.set(op.output, index);
    const { bytes } = chain.values[op.output]!;
    const parameters = op.parameters.map((id) => chain.parameters[id]?.bytes);
    return [inputs, bytes, parameters, op.statisticsBytes, op.isAlias, op.forward, op.backward];
  });
  return JSON.stringify([chain.values[unit.input]?.bytes, locals.get(unit.output), ops]);
}
