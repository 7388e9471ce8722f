import { readsOf, type StepPlan, writesOf } from "../plan/step-plan.ts";

/** Checks that every tensor that an instruction reads was written before it (or is the step's input). */
export function firstUnwrittenRead(plan: StepPlan): string | undefined {
  const written = new Set(plan.tensors.filter(({ role }) => role === "input").map(({ id }) => id));
  for (const [index, instruction] of plan.microStep.entries()) {
    for (const tensor of readsOf(instruction)) {
      if (!written.has(tensor)) return `instruction ${index} (${instruction.kind}) reads tensor ${tensor} unwritten`;
    }
    for (const tensor of writesOf(instruction)) {
      if (written.has(tensor)) return `instruction ${index} (${instruction.kind}) writes tensor ${tensor} again`;
      written.add(tensor);
    }
  }
  return undefined;
}

/** The first saved tensor that a backward instruction needs by its op's facts and does not have. */
export function firstMissingSavedTensor(plan: StepPlan): string | undefined {
  for (const [index, instruction] of plan.microStep.entries()) {
    if (instruction.kind !== "backward") continue;
    const op = plan.chain.ops[instruction.op];
    if (op === undefined) return `instruction ${index} names op ${instruction.op}, which does not exist`;
    const { backward } = op;
    const reachesInput = instruction.inputGradients.some((tensor) => tensor !== undefined);
    const needs = reachesInput ? backward.inputNeeds : backward.parameterNeeds;
    const missingInput = needs.inputs.find((position) => instruction.savedInputs[position] === undefined);
    if (missingInput !== undefined) return `instruction ${index}: ${op.name} misses its input ${missingInput}`;
    if (needs.output && instruction.savedOutput === undefined)
      return `instruction ${index}: ${op.name} misses its output`;
    if (needs.statistics && instruction.savedStatistics === undefined) {
      return `instruction ${index}: ${op.name} misses its statistics`;
    }
  }
  return undefined;
}

/** Parameters that a plan consumes a gradient of, in order: one entry an update or accumulate instruction. */
export function trainedParameters(plan: StepPlan): readonly number[] {
  const trained: number[] = [];
  for (const instruction of plan.microStep) {
    if (instruction.kind === "update" || instruction.kind === "accumulate") trained.push(instruction.parameter);
  }
  return trained.sort((left, right) => left - right);
}
