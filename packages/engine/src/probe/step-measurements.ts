import type { RetrainConfig } from "@mpo/core";
import { measureStep, PreparedStep, timedStepsFor } from "./measure-step.ts";
import { type ProbeContext, unlessOverCap } from "./probe-context.ts";
import type { ProbeFindings } from "./probe-findings.ts";
import { probeSteps, type StepGroup } from "./probe-steps.ts";
import { StepQueue } from "./timing/step-queue.ts";

/** Fewer measured steps than this make no profile. */
export const LEAST_STEPS = 2;
const MAX_CONFIGS = 40;
/** Share of the time that is left for steps where accuracy is probed after them. */
const COST_SHARE = 0.55;
/** The first step and the fewest that are timed. */
const LEAST_RUNS = 3;

type StepMs = (config: RetrainConfig) => number;

/** Measures whole steps of a few configs: as many as the time allows, the most valuable first. */
export class StepMeasurements {
  readonly #context: ProbeContext;
  readonly #findings: ProbeFindings;
  /** Share of the probe's time. */
  readonly #share: number;
  /** What it last took a worker to continue with another micro-batch of the same program. */
  #reloadMs = 0;

  constructor(context: ProbeContext, findings: ProbeFindings) {
    this.#context = context;
    this.#findings = findings;
    this.#share = context.task.samples === undefined ? 1 : COST_SHARE;
  }

  async run(): Promise<void> {
    const { loadedAtOnce } = this.#context;
    const { steps } = this.#findings;
    const groups = this.#groups();
    const queue = new StepQueue(groups);
    let startMs = 0;
    while (!queue.isEmpty && steps.length < MAX_CONFIGS) {
      const stepMs = this.#stepMs();
      const chunk = queue.take(loadedAtOnce, this.#leftMs() - startMs, ({ first }) => LEAST_RUNS * stepMs(first));
      if (chunk.length === 0) break;
      this.#context.report(`steps (${steps.length} done)`);
      startMs = await this.#measureChunk(chunk, stepMs);
    }
    if (steps.length < LEAST_STEPS) await this.#measureQuickest(groups);
  }

  #groups(): readonly StepGroup[] {
    const { task, method, chain, seed } = this.#context;
    const { configs = [], effectiveBatch } = task;
    const groups =
      configs.length > 0
        ? configs.map((first) => ({ first, others: [] }))
        : probeSteps(chain, { effectiveBatch, loss: method.loss, seed });
    return groups.flatMap(({ first, others }): readonly StepGroup[] => {
      const [possible, ...rest] = [first, ...others].filter((config) => this.#context.isPossible(config));
      return possible === undefined ? [] : [{ first: possible, others: rest }];
    });
  }

  #leftMs(): number {
    return this.#context.leftMs(this.#share);
  }

  #stepMs(): StepMs {
    const model = this.#findings.costModel();
    return (config) => model.predict(config).stepMs.expected;
  }

  /**
   * On a busy machine the time may be too short for every step as it should be measured. Without any there is no profile:
   * then the quickest ones are tried, once each, until the time is over.
   */
  async #measureQuickest(groups: readonly StepGroup[]): Promise<void> {
    const { signal } = this.#context;
    const { steps } = this.#findings;
    const stepMs = this.#stepMs();
    const measured = new Set(steps.map(({ sample }) => JSON.stringify(sample.config)));
    const quickest = groups
      .flatMap(({ first, others }) => [first, ...others])
      .filter((config) => !measured.has(JSON.stringify(config)))
      .sort((left, right) => stepMs(left) - stepMs(right))
      .slice(0, LEAST_STEPS - steps.length);
    for (const config of quickest) {
      this.#context.report(`the fastest steps (${steps.length} done)`);
      // Each in its own process: in such a small profile, memory should rest on both.
      const task = this.#context.stepTask(config);
      await measureStep(task, config, { signal, timedSteps: 1 }).then(
        (step) => this.#findings.keepStep(step),
        unlessOverCap,
      );
    }
  }

  /**
   * Loads the chunk's workers at once and runs them one after the other. Each continues with the other micro-batches of its
   * group, of which only the time is measured. Returns what loading took.
   */
  async #measureChunk(chunk: readonly StepGroup[], stepMs: StepMs): Promise<number> {
    const { signal, clock } = this.#context;
    const beganMs = clock.monotonicMs();
    const starts = await Promise.allSettled(
      chunk.map(({ first }) => PreparedStep.start(this.#context.stepTask(first), first, signal)),
    );
    const startMs = clock.monotonicMs() - beganMs;
    try {
      // What no worker has run yet comes before what repeats its like.
      let reservedMs = chunk.reduce((sum, { first }) => sum + LEAST_RUNS * stepMs(first), 0);
      for (const [index, start] of starts.entries()) {
        const group = chunk[index]!;
        reservedMs -= LEAST_RUNS * stepMs(group.first);
        if (start.status === "rejected") unlessOverCap(start.reason);
        else await this.#measureGroup(start.value, group, stepMs, reservedMs);
      }
      return startMs;
    } finally {
      for (const start of starts) if (start.status === "fulfilled") await start.value[Symbol.asyncDispose]();
    }
  }

  async #measureGroup(
    prepared: PreparedStep,
    { first, others }: StepGroup,
    stepMs: StepMs,
    reservedMs: number,
  ): Promise<void> {
    const { signal, clock } = this.#context;
    if (!(await this.#measured(prepared, stepMs(first)))) return;
    for (const other of others) {
      if (LEAST_RUNS * stepMs(other) + this.#reloadMs > this.#leftMs() - reservedMs) continue;
      const beganMs = clock.monotonicMs();
      const isLoaded = await prepared.reload(other, signal).then(() => true, unlessOverCap);
      this.#reloadMs = clock.monotonicMs() - beganMs;
      if (!isLoaded || !(await this.#measured(prepared, stepMs(other)))) return;
    }
  }

  /** False when the limit stopped it: its process has ended. */
  async #measured(prepared: PreparedStep, expectedMs: number): Promise<boolean> {
    const step = await prepared.measure(timedStepsFor(expectedMs), this.#context.signal).catch(unlessOverCap);
    if (step === false) return false;
    this.#findings.keepStep(step);
    return true;
  }
}
