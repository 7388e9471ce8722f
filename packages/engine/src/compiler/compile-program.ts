import { GraphEmitter } from "../graph/graph-emitter.ts";
import { attr } from "../graph/graph-proto.ts";
import type { SampleShape } from "../model/model-graph.ts";
import { inputOf } from "../model/stated-input.ts";
import { graphVariables } from "../model/variables.ts";
import { emitDone } from "./emit-done.ts";
import { emitEvaluation } from "./emit-evaluation.ts";
import { emitTraining } from "./emit-training.ts";
import { FEEDS, FETCHES, type Program, type ProgramSource, type ProgramVariable } from "./program.ts";
import { VariableHandles } from "./variable-handles.ts";

/**
 * Compiles a model, and a step plan for it, into one TensorFlow graph: variables, assignment and reading of them,
 * evaluation, and the training step exactly in the plan's order. The batch dimension stays open, so that one graph
 * serves every micro-batch size.
 */
export function compileProgram(source: ProgramSource): Program {
  const emit = new GraphEmitter();
  const specs = graphVariables(source.graph);
  const handles = new VariableHandles(emit);
  const input = inputOf(source.graph);
  emitFeeds(emit, input.shape);

  const variables = specs.map(({ name, spec }, index): ProgramVariable => {
    const handle = handles.declare(name, spec.shape);
    const read = `read_${index}`;
    emit.named(read, "ReadVariableOp", [handle], { dtype: "float" });
    return { name, shape: spec.shape, file: String(index), read };
  });
  emitAssignment(emit, handles, variables);
  emitReserve(emit);
  const hasFeatures = emitEvaluation(emit, source.graph, handles);
  if (source.training !== undefined) emitTraining(emit, source.graph, handles, source.training);
  return { input, nodes: emit.nodes, variables, plan: source.training?.plan, hasFeatures };
}

function emitFeeds(emit: GraphEmitter, inputShape: SampleShape): void {
  const placeholder = (name: string, type: "float" | "int32", shape: readonly number[]): string =>
    emit.named(name, "Placeholder", [], { dtype: attr.type(type), shape: attr.shape(shape) });
  const images = placeholder(FEEDS.images, "float", [-1, ...inputShape]);
  placeholder(FEEDS.labels, "int32", [-1]);
  placeholder(FEEDS.learningRate, "float", []);
  placeholder(FEEDS.sampleWeight, "float", []);
  placeholder(FEEDS.meanPrediction, "float", [-1]);
  placeholder(FEEDS.seed, "int32", [2]);
  placeholder(FEEDS.statisticsShare, "float", []);
  placeholder(FEEDS.importanceShare, "float", []);
  placeholder(FEEDS.initialState, "float", []);
  const shape = emit.node("Shape", [images], { T: "float", out_type: "int32" });
  const first = emit.node("GatherV2", [shape, emit.int(0), emit.int(0)], {
    Tparams: "int32",
    Tindices: "int32",
    Taxis: "int32",
  });
  emit.setBatch(first);
}

/**
 * Reads each variable from its file, one after the other: fed tensors would all be there a second time, and the
 * allocator's pool never gives memory back.
 */
function emitAssignment(emit: GraphEmitter, handles: VariableHandles, variables: readonly ProgramVariable[]): void {
  emit.named(FEEDS.weightsFolder, "Placeholder", [], { dtype: "string", shape: attr.shape([]) });
  for (const { name, shape, file } of variables) {
    emit.fenced(() => {
      const fileName = emit.node("Const", [], { dtype: "string", value: attr.textTensor(file) });
      const path = emit.node("StringJoin", [FEEDS.weightsFolder, fileName], {
        N: attr.int(2),
        separator: attr.text("/"),
      });
      const bytes = emit.node("ReadFile", [path]);
      const flat = emit.node("DecodeRaw", [bytes], { out_type: "float", little_endian: attr.bool(true) });
      const value = emit.reshape(flat, shape);
      emit.node("AssignVariableOp", [handles.handle(name), value], { dtype: "float" });
    });
  }
  emitDone(emit, FETCHES.assignDone, emit.fence === undefined ? [] : [emit.fence]);
  emit.endFence();
}

function emitReserve(emit: GraphEmitter): void {
  const elements = FEEDS.reserveElements;
  emit.named(elements, "Placeholder", [], { dtype: "int32", shape: attr.shape([1]) });
  const empty = emit.node("Empty", [elements], { dtype: "float", init: attr.bool(false) });
  const size = emit.node("Size", [empty], { T: "float", out_type: "int32" });
  emit.named(FETCHES.reserveDone, "Cast", [size], { SrcT: "int32", DstT: "float" });
}
