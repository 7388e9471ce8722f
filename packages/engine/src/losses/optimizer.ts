import type { GraphEmitter } from "../graph/graph-emitter.ts";
import { attr } from "../graph/graph-proto.ts";

/**
 * How parameters move. `weightDecay` (L2, on kernels) is added to their gradient. `sourcePull`: share of the way back to the
 * weights of the load that they go after each step (weight ensembling, Marsden et al. 2024, section 3.3). `anchor`: weight of
 * the squared distance to the weights of the load, by each parameter's importance, in what is minimised (Niu et al. 2022,
 * equation 8).
 */
export type Optimizer = UpdateRule & { readonly sourcePull?: number; readonly anchor?: number };

type UpdateRule =
  | { readonly kind: "sgd"; readonly weightDecay?: number }
  | { readonly kind: "momentum"; readonly momentum: number; readonly nesterov?: boolean; readonly weightDecay?: number }
  | { readonly kind: "adam"; readonly beta1?: number; readonly beta2?: number; readonly epsilon?: number };

const ADAM_DEFAULTS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } as const;

/** State of `sourcePull` and `anchor`, which begins as the parameter itself; all other state begins as zeros. */
export const SOURCE_SLOT = "source";
/** State of `anchor`: mean square of the gradients of reference samples, which other state is forgotten without. */
export const IMPORTANCE_SLOT = "importance";

/** Names of the state tensors that an optimizer keeps for each parameter, each of the parameter's shape. */
export function slotNames(optimizer: Optimizer): readonly string[] {
  const { sourcePull = 0, anchor = 0 } = optimizer;
  const source = sourcePull > 0 || anchor > 0 ? [SOURCE_SLOT] : [];
  return [...ruleSlots(optimizer), ...source, ...(anchor > 0 ? [IMPORTANCE_SLOT] : [])];
}

function ruleSlots(optimizer: UpdateRule): readonly string[] {
  switch (optimizer.kind) {
    case "sgd":
      return [];
    case "momentum":
      return ["momentum"];
    case "adam":
      return ["first_moment", "second_moment"];
  }
}

/**
 * The learning rate to feed at step `step` (from 1). Adam's bias correction is folded into it, so that the graph needs
 * no step counter.
 */
export function fedLearningRate(optimizer: Optimizer, learningRate: number, step: number): number {
  if (optimizer.kind !== "adam") return learningRate;
  const { beta1 = ADAM_DEFAULTS.beta1, beta2 = ADAM_DEFAULTS.beta2 } = optimizer;
  return (learningRate * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
}

interface UpdatedVariable {
  readonly handle: string;
  /** In the order of `slotNames`. */
  readonly slots: readonly string[];
  readonly isKernel: boolean;
}

/** Scalars that each update is fed. */
interface FedScalars {
  readonly learningRate: string;
  /** Of the gradient's square, what is added to the importance. */
  readonly importanceShare: string;
}

/** Emits the update of one variable in place. */
export function emitUpdate(
  optimizer: Optimizer,
  emit: GraphEmitter,
  { handle, slots, isKernel }: UpdatedVariable,
  gradient: string,
  { learningRate, importanceShare }: FedScalars,
): void {
  const { sourcePull = 0, anchor = 0 } = optimizer;
  const count = ruleSlots(optimizer).length;
  const variable = { handle, slots: slots.slice(0, count), isKernel };
  const [source = "", importance = ""] = slots.slice(count);
  const anchored =
    anchor > 0 ? emitAnchor(emit, { handle, source, importance, anchor, importanceShare }, gradient) : gradient;
  const updated = emitRule(optimizer, emit, variable, anchored, learningRate);
  if (sourcePull <= 0) return;
  const read = (from: string): string => emit.node("ReadVariableOp", [from, `^${updated}`], { dtype: "float" });
  const back = emit.float32("Mul", emit.float32("Sub", read(source), read(handle)), emit.float(sourcePull));
  emit.node("AssignAddVariableOp", [handle, back], { dtype: "float" });
}

interface Anchor {
  readonly handle: string;
  readonly source: string;
  readonly importance: string;
  readonly anchor: number;
  readonly importanceShare: string;
}

/** The gradient of what is minimised with an anchor; adds to the importance what is fed. */
function emitAnchor(
  emit: GraphEmitter,
  { handle, source, importance, anchor, importanceShare }: Anchor,
  gradient: string,
) {
  const read = (from: string): string => emit.node("ReadVariableOp", [from], { dtype: "float" });
  const distance = emit.float32("Sub", read(handle), read(source));
  const pull = emit.float32("Mul", emit.float32("Mul", read(importance), emit.float(2 * anchor)), distance);
  const anchored = emit.float32("AddV2", gradient, pull);
  const more = emit.float32("Mul", emit.float32("Square", gradient), importanceShare);
  const added = emit.node("AssignAddVariableOp", [importance, more, `^${anchored}`], { dtype: "float" });
  return emit.node("Identity", [anchored, `^${added}`], { T: "float" });
}

/** Returns the node that updates. */
function emitRule(
  optimizer: UpdateRule,
  emit: GraphEmitter,
  variable: UpdatedVariable,
  gradient: string,
  learningRate: string,
): string {
  const type = { T: "float" } as const;
  switch (optimizer.kind) {
    case "sgd": {
      const decayed = withDecay(emit, variable, gradient, optimizer.weightDecay ?? 0);
      return emit.node("ResourceApplyGradientDescent", [variable.handle, learningRate, decayed], type);
    }
    case "momentum": {
      const decayed = withDecay(emit, variable, gradient, optimizer.weightDecay ?? 0);
      const inputs = [variable.handle, ...variable.slots, learningRate, decayed, emit.float(optimizer.momentum)];
      const attributes = { ...type, use_nesterov: attr.bool(optimizer.nesterov ?? false) };
      return emit.node("ResourceApplyMomentum", inputs, attributes);
    }
    case "adam": {
      const { beta1 = ADAM_DEFAULTS.beta1, beta2 = ADAM_DEFAULTS.beta2, epsilon = ADAM_DEFAULTS.epsilon } = optimizer;
      const noPower = emit.float(0);
      const constants = [emit.float(beta1), emit.float(beta2), emit.float(epsilon)];
      const inputs = [variable.handle, ...variable.slots, noPower, noPower, learningRate, ...constants, gradient];
      return emit.node("ResourceApplyAdam", inputs, type);
    }
  }
}

function withDecay(
  emit: GraphEmitter,
  variable: { readonly handle: string; readonly isKernel: boolean },
  gradient: string,
  weightDecay: number,
): string {
  if (weightDecay === 0 || !variable.isKernel) return gradient;
  const value = emit.node("ReadVariableOp", [variable.handle], { dtype: "float" });
  return emit.float32("AddV2", emit.float32("Mul", value, emit.float(weightDecay)), gradient);
}
