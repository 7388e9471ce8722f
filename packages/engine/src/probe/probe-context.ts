import {
  type Chain,
  frozenParameters,
  given,
  hasCode,
  hasEffect,
  MIXED_POOL_FACTOR,
  type Profile,
  planStep,
  type RetrainConfig,
  residentGrowth,
  UnitCostTable,
} from "@mpo/core";
import { type Clock, systemClock } from "@mpo/io";
import { chainOf } from "../compiler/chain-of.ts";
import { stepMemoryFacts } from "../compiler/memory-facts.ts";
import { type AdaptationMethod, methodNamed } from "../window/method.ts";
import type { StepTask } from "./measure-step.ts";
import { poolCapFor } from "./pool-cap.ts";
import type { ProbeBudget, ProbeOptions, ProbeTask } from "./probe-task.ts";
import { timedPlan } from "./timing/timed-plan.ts";

type MemoryCap = Pick<StepTask, "memoryCapBytes">;

/** What all measurements of one probe share: what is asked for, what it may spend, and how its processes run. */
export class ProbeContext {
  readonly task: ProbeTask;
  readonly budget: ProbeBudget;
  /** Aborts when the probe must end. */
  readonly signal: AbortSignal;
  readonly method: AdaptationMethod;
  readonly costs: UnitCostTable;
  readonly memoryFacts: Profile["memoryFacts"];
  readonly clock: Clock;
  readonly seed: number;
  readonly #options: ProbeOptions;
  readonly #beganMs: number;

  constructor(task: ProbeTask, budget: ProbeBudget, options: ProbeOptions, signal: AbortSignal) {
    this.task = task;
    this.budget = budget;
    this.signal = signal;
    this.method = methodNamed(task.method);
    this.costs = new UnitCostTable(chainOf(task.model.graph));
    this.memoryFacts = stepMemoryFacts(this.chain, this.method);
    this.clock = options.clock ?? systemClock;
    this.seed = options.seed ?? 1;
    this.#options = options;
    this.#beganMs = this.clock.monotonicMs();
  }

  get chain(): Chain {
    return this.costs.chain;
  }

  /** Whether what is learned depends on the micro-batch. */
  get hasBatchStatistics(): boolean {
    return this.task.model.graph.nodes.some(({ kind }) => kind === "batchNorm");
  }

  /** Workers that are loaded at the same time. */
  get loadedAtOnce(): number {
    return this.#options.loadedAtOnce ?? 2;
  }

  /** Time until now. */
  spentMs(): number {
    return this.clock.monotonicMs() - this.#beganMs;
  }

  /** Time that is left of a share of the budget. */
  leftMs(share: number = 1): number {
    return share * this.budget.maxMs - this.spentMs();
  }

  report(what: string): void {
    this.#options.onProgress?.(what, Math.min(1, this.spentMs() / this.budget.maxMs));
  }

  fits(growthBytes: number): boolean {
    return growthBytes <= (this.budget.memoryBytes ?? Number.POSITIVE_INFINITY);
  }

  /** Whether a config changes anything, which in a model of few layers a rate may prevent, and its plan fits. */
  isPossible(config: RetrainConfig): boolean {
    return this.changes(config) && this.fits(residentGrowth(planStep(this.chain, config), this.memoryFacts));
  }

  changes({ freezing }: RetrainConfig): boolean {
    return hasEffect(this.chain, frozenParameters(this.chain, freezing));
  }

  stepTask(config: RetrainConfig): StepTask {
    const { model, samples } = this.task;
    const { loss, optimizer } = this.method;
    return {
      model,
      training: { loss, optimizer },
      ...(samples === undefined ? {} : { samples: samples.adapted }),
      seed: this.seed,
      ...this.process(),
      ...this.capOf(config),
    };
  }

  /** How every process of the probe runs. */
  process(): Pick<StepTask, "environment" | "threads" | "oomScoreAdjust"> {
    const { environment, threads, oomScoreAdjust } = this.#options;
    return { environment, ...given({ threads, oomScoreAdjust }) };
  }

  capOf(config: RetrainConfig): MemoryCap {
    const { memoryBytes } = this.budget;
    if (memoryBytes === undefined) return {};
    return { memoryCapBytes: poolCapFor(planStep(this.chain, config), this.memoryFacts, memoryBytes) };
  }

  timingCapOf(microBatches: readonly number[]): MemoryCap {
    const { memoryBytes } = this.budget;
    if (memoryBytes === undefined) return {};
    const cap = poolCapFor(timedPlan(this.chain, Math.max(...microBatches)), this.memoryFacts, memoryBytes);
    return { memoryCapBytes: Math.ceil(MIXED_POOL_FACTOR * cap) };
  }
}

/** A config that needed more than the limit was stopped by it: the others continue. */
export function unlessOverCap(error: unknown): false {
  if (!hasCode(error, "over-memory-cap")) throw error;
  return false;
}
