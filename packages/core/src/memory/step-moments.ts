import type { Chain, RetrainConfig, StepMemoryFacts } from "../facts/index.ts";
import { type Instruction, planStep } from "../plan/index.ts";
import { memoryTimeline } from "./memory-timeline.ts";

/** What a step does at a moment, in the order of a step. */
export const STEP_PHASES = ["forward", "loss", "recompute", "backward", "parameters"] as const;
type StepPhase = (typeof STEP_PHASES)[number];

/** The highest of a run of instructions, for a picture of memory along a step. */
export interface HighMoment {
  /** Place of the first of them among all, from 0 to 1. */
  readonly from: number;
  readonly bytes: number;
  readonly phase: StepPhase;
}

/** Memory along one micro-batch under a config, in at most so many moments. Throws as `planStep` does. */
export function highMoments(
  chain: Chain,
  config: RetrainConfig,
  facts: StepMemoryFacts,
  most: number,
): readonly HighMoment[] {
  const plan = planStep(chain, config);
  const { bytesDuring } = memoryTimeline(plan, facts);
  const each = Math.max(1, Math.ceil(bytesDuring.length / most));
  const moments: HighMoment[] = [];
  for (let from = 0; from < bytesDuring.length; from += each) {
    const run = bytesDuring.slice(from, from + each);
    const bytes = Math.max(...run);
    const instruction = plan.microStep[from + run.indexOf(bytes)] as Instruction;
    moments.push({ from: from / bytesDuring.length, bytes, phase: phaseOf(instruction) });
  }
  return moments;
}

/** Highest memory of moments, of one phase or of all; undefined: there are none. */
export function peakBytesOf(
  moments: readonly { readonly bytes: number; readonly phase: string }[],
  phase?: string,
): number | undefined {
  const those = moments.filter((moment) => phase === undefined || moment.phase === phase);
  return those.length === 0 ? undefined : Math.max(...those.map(({ bytes }) => bytes));
}

const PHASE_OF: Readonly<Record<Instruction["kind"], StepPhase>> = {
  forward: "forward",
  loss: "loss",
  backward: "backward",
  addGradients: "backward",
  update: "parameters",
  accumulate: "parameters",
};

function phaseOf(instruction: Instruction): StepPhase {
  const isRecompute = instruction.kind === "forward" && instruction.isRecompute;
  return isRecompute ? "recompute" : PHASE_OF[instruction.kind];
}
