import {
  type BackwardInstruction,
  type ChainOp,
  type ForwardInstruction,
  type Instruction,
  MpoError,
  type StepPlan,
} from "@mpo/core";
import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { type AttrValue, attr } from "../graph/graph-proto.ts";
import { emitLoss } from "../losses/loss.ts";
import { emitUpdate, IMPORTANCE_SLOT, SOURCE_SLOT, slotNames } from "../losses/optimizer.ts";
import { placeOf, sampleShapes } from "../model/graph-shapes.ts";
import type { ModelGraph, ModelNode, SampleShape } from "../model/model-graph.ts";
import { headOf, type ModelHead } from "../model/model-head.ts";
import { graphVariables } from "../model/variables.ts";
import type { OpPlace } from "../ops/op-definition.ts";
import { opDefinition } from "../ops/op-table.ts";
import { emitDone } from "./emit-done.ts";
import { emitLastGradient, emitLogits } from "./emit-logits.ts";
import { FEEDS, FETCHES, type ProgramSource } from "./program.ts";
import { type GradientHalf, timedParts } from "./timed-parts.ts";
import type { VariableHandles } from "./variable-handles.ts";

/** TensorFlow's number of float64 (tensorflow/core/framework/types.proto): seconds since 1970 need its digits. */
const DOUBLE: AttrValue = { type: 2 };

type Training = NonNullable<ProgramSource["training"]>;

const ACCUMULATOR = "accumulator";

interface DeclaredState {
  readonly name: string;
  readonly slot: string;
  readonly shape: readonly number[];
  readonly handle: string;
}

/** Emits a plan's micro-step, instruction by instruction in its order, and the application of accumulated gradients. */
export function emitTraining(
  emit: GraphEmitter,
  graph: ModelGraph,
  handles: VariableHandles,
  training: Training,
): void {
  new TrainingEmitter(emit, graph, handles, training).emitAll();
}

class TrainingEmitter {
  readonly #emit: GraphEmitter;
  readonly #handles: VariableHandles;
  readonly #training: Training;
  readonly #plan: StepPlan;
  readonly #head: ModelHead;
  readonly #nodes: ReadonlyMap<string, ModelNode>;
  readonly #shapes: ReadonlyMap<string, SampleShape>;
  readonly #variableShapes: ReadonlyMap<string, readonly number[]>;
  readonly #read: (name: string) => string;
  /** Graph tensors by planned tensor; statistics are several. */
  readonly #tensors = new Map<number, readonly string[]>();
  #loss = "";
  #prediction = "";

  constructor(emit: GraphEmitter, graph: ModelGraph, handles: VariableHandles, training: Training) {
    this.#emit = emit;
    this.#handles = handles;
    this.#training = training;
    this.#plan = training.plan;
    this.#head = headOf(graph);
    this.#nodes = new Map(this.#head.nodes.map((node) => [node.name, node]));
    this.#shapes = sampleShapes(graph);
    this.#variableShapes = new Map(graphVariables(graph).map(({ name, spec }) => [name, spec.shape]));
    this.#read = handles.reader();
  }

  emitAll(): void {
    const emit = this.#emit;
    const state = this.#declareState();
    this.#tensors.set(0, [FEEDS.images]);
    if (this.#training.isTimed === true) this.#emitTimed();
    else for (const instruction of this.#plan.microStep) emit.fenced(() => this.#emitInstruction(instruction));
    const after = [...emit.asides, ...(emit.fence === undefined ? [] : [emit.fence])];
    emit.named(FETCHES.stepLoss, "Identity", [this.#loss, ...after.map((node) => `^${node}`)], {
      T: "float",
    });
    emit.named(FETCHES.stepPrediction, "Identity", [this.#prediction], { T: "float" });
    emit.unfenced(() => {
      emitDone(emit, FETCHES.statisticsDone, emit.asides);
      emitDone(emit, FETCHES.initDone, state.all === undefined ? [] : [state.all]);
      emitDone(emit, FETCHES.forgetDone, state.changing === undefined ? [] : [state.changing]);
      this.#emitApply();
    });
  }

  /**
   * The same instructions with the time read before them and after each of `timedParts`, inside the step: what each takes
   * then is measured where it runs, with the caches and threads that it really has. Reading is stateful, so that no graph
   * optimiser merges or folds it.
   */
  #emitTimed(): void {
    const emit = this.#emit;
    const readTime = (): string => emit.fenced(() => emit.node("Timestamp", []));
    const first = readTime();
    const times = timedParts(this.#plan).map(({ instruction, half }) => {
      emit.fenced(() => this.#emitInstruction(this.#plan.microStep[instruction]!, half));
      return readTime();
    });
    const inputs = [first, ...times];
    const packed = emit.node("Pack", inputs, { N: attr.int(inputs.length), T: DOUBLE, axis: attr.int(0) });
    const sinceFirst = emit.node("Sub", [packed, first], { T: DOUBLE });
    emit.named(FETCHES.clock, "Cast", [sinceFirst], { SrcT: DOUBLE, DstT: "float" });
  }

  /**
   * Optimizer slots and accumulators of what trains. Returns the node that has set those to where they begin which steps
   * change, and the one that has set all.
   */
  #declareState(): { readonly changing: string | undefined; readonly all: string | undefined } {
    const { optimizer } = this.#training;
    const declared = (name: string, slot: string) => {
      const shape = this.#variableShapes.get(name)!;
      return { name, slot, shape, handle: this.#handles.declare(slotName(name, slot), shape) };
    };
    const states = this.#plan.chain.parameters.flatMap(({ id, name }) => {
      if (this.#plan.frozen[id]) return [];
      const slots = this.#plan.config.accumulation > 1 ? [...slotNames(optimizer), ACCUMULATOR] : slotNames(optimizer);
      return slots.map((slot) => declared(name, slot));
    });
    const isKept = ({ slot }: { readonly slot: string }): boolean => slot === SOURCE_SLOT || slot === IMPORTANCE_SLOT;
    return this.#emit.unfenced(() => {
      for (const state of states.filter((one) => !isKept(one))) this.#emitBegin(state);
      const changing = this.#emit.fence;
      for (const state of states.filter(isKept)) this.#emitBegin(state);
      return { changing, all: this.#emit.fence };
    });
  }

  /**
   * Sets one state to where it begins, after those before: graph optimisers would make states of one shape one, which the first
   * update then copies, in the midst of a step.
   */
  #emitBegin({ name, slot, shape, handle }: DeclaredState): void {
    const emit = this.#emit;
    emit.fenced(() => {
      const first =
        slot === SOURCE_SLOT
          ? // A sum, not the value itself, whose buffer the variables would share.
            emit.float32("AddV2", this.#read(name), FEEDS.initialState)
          : emit.node("Fill", [emit.ints(shape), FEEDS.initialState], { T: "float", index_type: "int32" });
      emit.node("AssignVariableOp", [handle, first], { dtype: "float" });
    });
  }

  #emitInstruction(instruction: Instruction, half?: GradientHalf): void {
    switch (instruction.kind) {
      case "forward":
        this.#emitForward(instruction);
        return;
      case "loss": {
        const logits = emitLogits(this.#emit, this.#head, this.#tensor(instruction.logits));
        const { labels, sampleWeight, meanPrediction } = FEEDS;
        const { classes } = this.#head;
        const inputs = { logits, labels, sampleWeight, meanPrediction, batch: this.#emit.batch, classes };
        const { loss, gradient } = emitLoss(this.#training.loss, this.#emit, inputs);
        const probabilities = this.#emit.float32("Softmax", logits);
        this.#prediction = this.#emit.mean(probabilities, [0], false);
        this.#loss = loss;
        this.#tensors.set(instruction.gradient, [emitLastGradient(this.#emit, this.#head, gradient)]);
        return;
      }
      case "backward":
        this.#emitBackward(instruction, half);
        return;
      case "addGradients": {
        const sum = this.#emit.float32("AddV2", this.#tensor(instruction.left), this.#tensor(instruction.right));
        this.#tensors.set(instruction.sum, [sum]);
        return;
      }
      case "update":
        this.#emitUpdate(instruction.parameter, this.#tensor(instruction.gradient));
        return;
      case "accumulate": {
        const accumulator = this.#handles.handle(accumulatorName(this.#parameter(instruction.parameter).name));
        const inputs = [accumulator, this.#tensor(instruction.gradient)];
        this.#emit.node("AssignAddVariableOp", inputs, { dtype: "float" });
        return;
      }
    }
  }

  #emitForward(instruction: ForwardInstruction): void {
    const { op, node, place } = this.#place(instruction.op);
    const { output, statistics } = opDefinition(node.kind).emitForward({
      ...place,
      emit: this.#emit,
      inputs: instruction.inputs.map((tensor) => this.#tensor(tensor)),
      variable: (name) => this.#read(`${op.name}/${name}`),
      handle: (name) => this.#handles.handle(`${op.name}/${name}`),
      training: true,
      updatesMovingStatistics: instruction.updatesMovingStatistics && node.kind === "batchNorm",
      blendsStatistics: this.#training.blendsStatistics === true,
      statisticsMomentum: this.#training.statisticsMomentum,
      statisticsShare: FEEDS.statisticsShare,
      seed: FEEDS.seed,
      opIndex: op.id,
    });
    this.#tensors.set(instruction.output, [output]);
    if (instruction.statistics !== undefined) this.#tensors.set(instruction.statistics, statistics ?? []);
  }

  #emitBackward(instruction: BackwardInstruction, half?: GradientHalf): void {
    const { op, node, place } = this.#place(instruction.op);
    const saved = (tensor: number | undefined, what: string): readonly string[] => {
      if (tensor === undefined)
        throw new MpoError("internal", `the gradient of ${op.name} reads ${what}, which was not planned`);
      return this.#tensors.get(tensor)!;
    };
    const parameterNames = op.parameters.map((parameter) => this.#parameter(parameter).name.slice(op.name.length + 1));
    const result = opDefinition(node.kind).emitBackward({
      ...place,
      emit: this.#emit,
      gradient: this.#tensor(instruction.gradient),
      savedInput: (position) => saved(instruction.savedInputs[position], `input ${position}`)[0]!,
      savedOutput: () => saved(instruction.savedOutput, "its output")[0]!,
      savedStatistics: () => saved(instruction.savedStatistics, "its statistics"),
      variable: (name) => this.#read(`${op.name}/${name}`),
      blendsStatistics: this.#training.blendsStatistics === true,
      wantsInput: (position) => half !== "parameters" && instruction.inputGradients[position] !== undefined,
      wantsParameter: (name) =>
        half !== "inputs" && instruction.parameterGradients[parameterNames.indexOf(name)] !== undefined,
      seed: FEEDS.seed,
      opIndex: op.id,
    });
    instruction.inputGradients.forEach((tensor, position) => {
      const emitted = result.inputs?.[position];
      if (tensor !== undefined && emitted !== undefined) this.#tensors.set(tensor, [emitted]);
    });
    instruction.parameterGradients.forEach((tensor, position) => {
      const emitted = result.parameters?.[parameterNames[position]!];
      if (tensor !== undefined && emitted !== undefined) this.#tensors.set(tensor, [emitted]);
    });
  }

  /** Runs after the last micro-batch: each parameter steps from its accumulator, which is then zero again. */
  #emitApply(): void {
    const emit = this.#emit;
    for (const parameter of this.#plan.applied) {
      const accumulator = this.#handles.handle(accumulatorName(this.#parameter(parameter).name));
      const read = (): string => emit.node("ReadVariableOp", [accumulator], { dtype: "float" });
      emit.fenced(() => this.#emitUpdate(parameter, read()));
      // Cleared in place, as x - x: new buffers of zeros would wander through the allocator's pool and leave holes.
      emit.fenced(() => {
        emit.node("AssignAddVariableOp", [accumulator, emit.float32("Neg", read())], { dtype: "float" });
      });
    }
    emitDone(emit, FETCHES.applyDone, emit.fence === undefined ? [] : [emit.fence]);
  }

  #emitUpdate(parameter: number, gradient: string): void {
    const { name } = this.#parameter(parameter);
    const slots = slotNames(this.#training.optimizer).map((slot) => this.#handles.handle(slotName(name, slot)));
    const variable = { handle: this.#handles.handle(name), slots, isKernel: name.endsWith("kernel") };
    emitUpdate(this.#training.optimizer, this.#emit, variable, gradient, FEEDS);
  }

  #place(opId: number): { op: ChainOp; node: ModelNode; place: OpPlace<never> } {
    const op = this.#plan.chain.ops[opId]!;
    const node = this.#nodes.get(op.name)!;
    return { op, node, place: placeOf(node, this.#shapes) };
  }

  #tensor(id: number): string {
    const tensor = this.#tensors.get(id)?.[0];
    if (tensor === undefined) throw new MpoError("internal", `the plan reads tensor ${id} before it is written`);
    return tensor;
  }

  #parameter(id: number): StepPlan["chain"]["parameters"][number] {
    return this.#plan.chain.parameters[id] as StepPlan["chain"]["parameters"][number];
  }
}

function slotName(parameter: string, slot: string): string {
  return `${parameter}/${slot}`;
}

function accumulatorName(parameter: string): string {
  return slotName(parameter, ACCUMULATOR);
}
