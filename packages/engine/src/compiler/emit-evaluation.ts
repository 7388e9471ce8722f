import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { placeOf, sampleShapes } from "../model/graph-shapes.ts";
import type { ModelGraph, OpKind } from "../model/model-graph.ts";
import { headOf } from "../model/model-head.ts";
import type { ForwardEmission } from "../ops/op-definition.ts";
import { opDefinition } from "../ops/op-table.ts";
import { emitLogits } from "./emit-logits.ts";
import { FEEDS, FETCHES } from "./program.ts";
import type { VariableHandles } from "./variable-handles.ts";

/** Emits the model in inference mode; returns whether the features that its classifier reads can be fetched. */
export function emitEvaluation(emit: GraphEmitter, graph: ModelGraph, handles: VariableHandles): boolean {
  const shapes = sampleShapes(graph);
  const head = headOf(graph);
  const tensors = new Map<string, string>();
  const read = handles.reader();
  let features: string | undefined;
  let last = "";
  head.nodes.forEach((node, opIndex) => {
    const inputs = node.kind === "input" ? [FEEDS.images] : node.inputs.map((name) => tensors.get(name)!);
    if (node.name === head.classifier) features = inputs[0];
    const emission: ForwardEmission<OpKind> = {
      ...placeOf(node, shapes),
      emit,
      inputs,
      variable: (name) => read(`${node.name}/${name}`),
      handle: (name) => handles.handle(`${node.name}/${name}`),
      training: false,
      updatesMovingStatistics: false,
      blendsStatistics: false,
      statisticsMomentum: undefined,
      statisticsShare: FEEDS.statisticsShare,
      seed: FEEDS.seed,
      opIndex,
    };
    const emitForward = () => opDefinition(node.kind).emitForward(emission);
    // A convolution, its normalisation and a tanh are fused into a kernel that TensorFlow lacks, unless the tanh waits for more.
    const isTanh = node.kind === "activation" && node.attributes.function === "tanh";
    const { output } = isTanh ? emit.after(FEEDS.images, emitForward) : emitForward();
    tensors.set(node.name, output);
    last = output;
  });
  emit.named(FETCHES.logits, "Identity", [emitLogits(emit, head, last)], { T: "float" });
  if (features !== undefined) emit.named(FETCHES.features, "Identity", [features], { T: "float" });
  return features !== undefined;
}
