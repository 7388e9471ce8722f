import {
  type AffineBytes,
  type Chain,
  type ChainOp,
  describeFreezing,
  fixedBytes,
  type GradientNeeds,
  MpoError,
  NO_BYTES,
  type RetrainConfig,
  resolveRetrainConfig,
} from "../facts/index.ts";
import { frozenParameters, hasEffect, valuesWithGradient } from "./freezing.ts";
import { type Instruction, type PlannedTensor, readsOf, type StepPlan, writesOf } from "./step-plan.ts";
import { unitSchedule } from "./unit-schedule.ts";

/**
 * The exact instruction list of one training step of a chain under a config. Pure: the same arguments give the same
 * plan. Throws `invalid-argument` for a config that this chain cannot run, and when nothing would change.
 */
export function planStep(chain: Chain, partialConfig: Partial<RetrainConfig>): StepPlan {
  const config = resolveRetrainConfig(partialConfig);
  const frozen = frozenParameters(chain, config.freezing);
  if (!hasEffect(chain, frozen)) {
    throw new MpoError(
      "invalid-argument",
      `the config leaves nothing to train (${describeFreezing(config.freezing)})`,
      {
        hint: "Lower a freezing rate, name other layers, or choose a method that trains others.",
      },
    );
  }
  const builder = new StepBuilder(chain, frozen, config.accumulation > 1 ? "accumulate" : "update");
  const schedule = unitSchedule(chain, config.checkpoints);
  let isLossDone = false;
  for (const action of schedule) {
    if (action.kind === "forward") {
      builder.forwardUnit(action.unit, action.keep);
    } else {
      if (!isLossDone) builder.loss();
      isLossDone = true;
      builder.backwardUnit(action.unit);
    }
  }
  return {
    chain,
    config,
    frozen,
    tensors: builder.tensors,
    microStep: withoutUnread(builder.instructions),
    applied: config.accumulation > 1 ? chain.parameters.map(({ id }) => id).filter((id) => !frozen[id]) : [],
  };
}

/** Emits instructions unit by unit and remembers which tensor currently holds each value. */
class StepBuilder {
  readonly tensors: PlannedTensor[] = [];
  readonly instructions: Instruction[] = [];
  readonly #chain: Chain;
  readonly #frozen: readonly boolean[];
  readonly #consume: "update" | "accumulate";
  readonly #wantsGradient: readonly boolean[];
  /** Tensor that holds the value between two units, by value: the checkpoints, and what flows right now. */
  readonly #boundary = new Map<number, number>();
  /** What the last forward that kept all left, by value and by op. */
  readonly #saved = new Map<number, number>();
  readonly #savedStatistics = new Map<number, number>();
  /** Gradient of a value, as far as it has been summed up. */
  readonly #gradients = new Map<number, number>();
  readonly #alreadyRun = new Set<number>();

  constructor(chain: Chain, frozen: readonly boolean[], consume: "update" | "accumulate") {
    this.#chain = chain;
    this.#frozen = frozen;
    this.#consume = consume;
    this.#wantsGradient = valuesWithGradient(chain, frozen);
    this.#boundary.set(chain.input, this.#newTensor("input", chain.input, this.#value(chain.input).bytes));
  }

  forwardUnit(unitIndex: number, keep: "all" | "input" | "nothing"): void {
    const unit = this.#unit(unitIndex);
    const input = this.#boundary.get(unit.input);
    if (input === undefined) throw new MpoError("internal", `unit ${unit.name} runs without its input`);
    /** The output may still be there as the next segment's checkpoint: then it is not made again. */
    const keptOutput = this.#boundary.get(unit.output);
    const held = new Map<number, number>([[unit.input, input]]);
    for (const op of this.#opsOf(unitIndex)) {
      // Statistics of a normalisation are not kept with a checkpoint: that operation runs again for them.
      if (op.output === unit.output && keptOutput !== undefined && op.statisticsBytes === undefined) {
        held.set(op.output, keptOutput);
        continue;
      }
      const inputs = op.inputs.map((value) => held.get(value)!);
      const output = this.#newTensor(
        "activation",
        op.output,
        this.#value(op.output).bytes,
        op.isAlias ? inputs[0] : undefined,
      );
      const statistics =
        op.statisticsBytes === undefined ? undefined : this.#newTensor("statistics", op.id, op.statisticsBytes);
      const isRecompute = this.#alreadyRun.has(op.id);
      this.#alreadyRun.add(op.id);
      this.instructions.push({
        kind: "forward",
        op: op.id,
        inputs,
        output,
        statistics,
        updatesMovingStatistics: statistics !== undefined && !isRecompute,
        isRecompute,
      });
      held.set(op.output, output);
      if (keep === "all" && statistics !== undefined) this.#savedStatistics.set(op.id, statistics);
    }
    this.#boundary.set(unit.output, keptOutput ?? held.get(unit.output)!);
    if (keep === "all") for (const [value, tensor] of held) this.#saved.set(value, tensor);
    if (keep === "nothing" && unit.input !== this.#chain.input) this.#boundary.delete(unit.input);
  }

  loss(): void {
    const logits = this.#chain.output;
    const gradient = this.#newTensor("gradient", logits, this.#value(logits).bytes);
    this.instructions.push({ kind: "loss", logits: this.#boundary.get(logits)!, gradient });
    this.#gradients.set(logits, gradient);
  }

  backwardUnit(unitIndex: number): void {
    for (const op of [...this.#opsOf(unitIndex)].reverse()) {
      const gradient = this.#gradients.get(op.output);
      this.#gradients.delete(op.output);
      if (gradient !== undefined && this.#wantsGradient[op.output]) this.#backwardOp(op, gradient);
    }
    this.#boundary.delete(this.#unit(unitIndex).output);
  }

  #backwardOp(op: ChainOp, gradient: number): void {
    const wantedInputs = op.inputs.map((value) => this.#wantsGradient[value] === true);
    if (op.backward.passesThrough) {
      op.inputs.forEach((value, position) => {
        if (wantedInputs[position]) this.#addToGradient(value, gradient);
      });
      return;
    }
    const parameterGradients = op.parameters.map((parameter) =>
      this.#frozen[parameter]
        ? undefined
        : this.#newTensor("parameterGradient", parameter, fixedBytes(this.#parameterBytes(parameter))),
    );
    const trains = parameterGradients.some((tensor) => tensor !== undefined);
    const inputGradients = wantedInputs.map((isWanted, position) => {
      const value = op.inputs[position]!;
      if (!isWanted) return undefined;
      return this.#newTensor("gradient", value, this.#value(value).bytes, op.isAlias ? gradient : undefined);
    });
    const reachesInput = inputGradients.some((tensor) => tensor !== undefined);
    const nothing: undefined[] = [];
    if (op.backward.isJoint) {
      const needs = reachesInput ? op.backward.inputNeeds : op.backward.parameterNeeds;
      this.#pushBackward(op, gradient, needs, inputGradients, parameterGradients);
    } else {
      // Parameters first: that is the last use of the saved input, which is gone before the input's gradient exists.
      if (trains) this.#pushBackward(op, gradient, op.backward.parameterNeeds, nothing, parameterGradients);
      // Adding to an accumulator leaves the parameter as it is, so its gradient need not outlive the input's.
      if (this.#consume === "accumulate") this.#consumeGradients(op, parameterGradients);
      if (reachesInput) this.#pushBackward(op, gradient, op.backward.inputNeeds, inputGradients, nothing);
    }
    if (op.backward.isJoint || this.#consume === "update") this.#consumeGradients(op, parameterGradients);
    inputGradients.forEach((tensor, position) => {
      if (tensor !== undefined) this.#addToGradient(op.inputs[position]!, tensor);
    });
  }

  #consumeGradients(op: ChainOp, parameterGradients: readonly (number | undefined)[]): void {
    op.parameters.forEach((parameter, position) => {
      const gradient = parameterGradients[position];
      if (gradient !== undefined) this.instructions.push({ kind: this.#consume, parameter, gradient });
    });
  }

  #pushBackward(
    op: ChainOp,
    gradient: number,
    needs: GradientNeeds,
    inputGradients: readonly (number | undefined)[],
    parameterGradients: readonly (number | undefined)[],
  ): void {
    this.instructions.push({
      kind: "backward",
      op: op.id,
      gradient,
      savedInputs: op.inputs.map((value, position) =>
        needs.inputs.includes(position) ? this.#saved.get(value) : undefined,
      ),
      savedOutput: needs.output ? this.#saved.get(op.output) : undefined,
      savedStatistics: needs.statistics ? this.#savedStatistics.get(op.id) : undefined,
      inputGradients,
      parameterGradients,
    });
  }

  #addToGradient(value: number, gradient: number): void {
    const existing = this.#gradients.get(value);
    if (existing === undefined) {
      this.#gradients.set(value, gradient);
      return;
    }
    const sum = this.#newTensor("gradient", value, this.#value(value).bytes);
    this.instructions.push({ kind: "addGradients", left: existing, right: gradient, sum });
    this.#gradients.set(value, sum);
  }

  #newTensor(role: PlannedTensor["role"], of: number, bytes: AffineBytes, aliasOf?: number): number {
    const id = this.tensors.length;
    const sharesBufferOf = aliasOf === undefined ? id : this.tensors[aliasOf]!.sharesBufferOf;
    this.tensors.push({ id, role, of, bytes: aliasOf === undefined ? bytes : NO_BYTES, sharesBufferOf });
    return id;
  }

  #opsOf(unitIndex: number): readonly ChainOp[] {
    const unit = this.#unit(unitIndex);
    return this.#chain.ops.slice(unit.firstOp, unit.lastOp + 1);
  }

  #unit(index: number): Chain["units"][number] {
    return this.#chain.units[index]!;
  }

  #value(id: number): Chain["values"][number] {
    return this.#chain.values[id]!;
  }

  #parameterBytes(id: number): number {
    return this.#chain.parameters[id]!.bytes;
  }
}

/** Leaves out forward instructions whose results nothing reads (mostly the tail of a recomputed segment). */
function withoutUnread(instructions: readonly Instruction[]): readonly Instruction[] {
  const read = new Set<number>();
  const kept: Instruction[] = [];
  for (const instruction of [...instructions].reverse()) {
    const isNeeded =
      instruction.kind !== "forward" ||
      instruction.updatesMovingStatistics ||
      writesOf(instruction).some((tensor) => read.has(tensor));
    if (!isNeeded) continue;
    for (const tensor of readsOf(instruction)) read.add(tensor);
    kept.push(instruction);
  }
  return kept.reverse();
}
