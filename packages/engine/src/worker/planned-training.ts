import { planStep, residentGrowth, type StepMemoryFacts, type StepPlan, trainedBytes } from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import { stepMemoryFacts } from "../compiler/memory-facts.ts";
import type { ProgramSource } from "../compiler/program.ts";
import type { ModelGraph } from "../model/model-graph.ts";
import { OWN_STATISTICS_FROM, type TrainingSetup } from "../training/task.ts";

/** A training of one model as its worker runs it, and the memory that it is planned to take. */
export interface PlannedTraining {
  readonly setup: TrainingSetup;
  readonly plan: StepPlan;
  readonly growthBytes: number;
  readonly stateBytes: number;
  readonly weightBytes: number;
  readonly facts: StepMemoryFacts;
}

export function planTraining(graph: ModelGraph, setup: TrainingSetup): PlannedTraining {
  const chain = chainOf(graph);
  const plan = planStep(chain, setup.config);
  const facts: StepMemoryFacts = stepMemoryFacts(chain, setup);
  const copies = facts.slotsPerParameter + (setup.config.accumulation > 1 ? 1 : 0);
  return {
    setup,
    plan,
    growthBytes: residentGrowth(plan, facts),
    stateBytes: trainedBytes(chain, plan.frozen) * copies,
    weightBytes: trainedBytes(chain, []),
    facts,
  };
}

/** Where statistics are replaced, the share that is fed decides alone, and micro-batches too small for their own blend them. */
export function programTraining({ setup, plan }: PlannedTraining): NonNullable<ProgramSource["training"]> {
  const { replacesStatistics, ...training } = setup;
  if (replacesStatistics !== true) return { ...training, plan };
  const blendsStatistics = training.config.microBatch < OWN_STATISTICS_FROM;
  return { ...training, plan, statisticsMomentum: 0, blendsStatistics };
}

export function decaysSlots({ setup: { optimizer } }: PlannedTraining): boolean {
  return optimizer.kind === "momentum" && (optimizer.weightDecay ?? 0) !== 0;
}
