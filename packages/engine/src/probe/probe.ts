import {
  type AccuracySample,
  CostModel,
  type CostProfile,
  frozenParameters,
  type MethodName,
  MIXED_POOL_FACTOR,
  MpoError,
  PROFILE_VERSION,
  type Profile,
  planStep,
  type RetrainConfig,
  residentGrowth,
  resolveRetrainConfig,
  UnitCostTable,
  validateProfile,
  withPrescribedRates,
} from "@mpo/core";
import { chainOf } from "../compiler/chain-of.ts";
import { stepMemoryFacts } from "../compiler/memory-facts.ts";
import type { Model } from "../model/model-graph.ts";
import { parameterCount } from "../model/variables.ts";
import { type AdaptationMethod, methodNamed } from "../window/method.ts";
import { EngineWorker } from "../worker/engine-worker.ts";
import { consistentTimes } from "./consistent-times.ts";
import { ENGINE_VERSION } from "./engine-version.ts";
import { graphDigest } from "./graph-digest.ts";
import { type MeasuredStep, measureStep, PreparedStep, type StepTask, timedStepsFor } from "./measure-step.ts";
import { type ProbeSamples, runMicroWindows } from "./micro-windows.ts";
import { poolCapFor, poolCapForPlan } from "./pool-cap.ts";
import { type AvailableMemoryReader, ProbeGuard, readAvailableMemory } from "./probe-guard.ts";
import { powersOfTwo, probeSteps, type StepGroup } from "./probe-steps.ts";
import { StepQueue } from "./step-queue.ts";
import { timeUnits } from "./time-units.ts";
import { timedPlan } from "./timed-plan.ts";
import { unitTimeSamples, updateSample } from "./unit-time-samples.ts";
import type { UnitTimingReport } from "./unit-timing.ts";

/** What is probed. */
export interface ProbeTask {
  readonly model: Model;
  /** How the model will be retrained: loss and optimizer decide memory, time and accuracy. */
  readonly method: MethodName;
  readonly effectiveBatch: number;
  readonly device: { readonly id: string; readonly class: string };
  /** Recent samples for micro-windows; absent: random numbers are trained on, and accuracy is not probed. */
  readonly samples?: ProbeSamples;
  /** Configs whose whole steps are measured, most valuable first; absent or empty: the probe chooses. */
  readonly configs?: readonly RetrainConfig[];
  /**
   * What an earlier probe of this model and method measured of memory and time: it is taken over, and only accuracy is
   * measured, on `samples`.
   */
  readonly known?: Profile;
}

/** What a probe may spend. */
export interface ProbeBudget {
  /** Wall time. What is running when it is over is ended and not counted. */
  readonly maxMs: number;
  /** What a step may take above the idle process; also the workers' hard limit. Absent: no limit. */
  readonly memoryBytes?: number;
  /** The probe stops at once when the system's free memory falls below. Default 256 MiB. */
  readonly leastAvailableBytes?: number;
}

/** How a probe runs. */
export interface ProbeOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  readonly threads?: number;
  /** How readily the system's memory killer takes the probe's processes; default: that of workers. */
  readonly oomScoreAdjust?: number;
  /**
   * Workers that are loaded at the same time, to use all cores; they run one after the other. Each holds an idle process
   * of memory. Default 2.
   */
  readonly loadedAtOnce?: number;
  readonly seed?: number;
  /** Default: the process's monotonic clock. */
  readonly nowMs?: () => number;
  /** Milliseconds since 1970. Default: the system's. */
  readonly wallMs?: () => number;
  /** Default: MemAvailable of /proc/meminfo. */
  readonly availableBytes?: AvailableMemoryReader;
  /** What is being measured, and the share of the time that is used. */
  readonly onProgress?: (what: string, share: number) => void;
}

const MIB = 2 ** 20;
const LEAST_AVAILABLE_BYTES = 256 * MIB;
const TIMING_ROUNDS = 8;
const MAX_CONFIGS = 40;
/** Fewer measured steps than this make no profile. */
const LEAST_STEPS = 2;
/** Shares of the time: of timing units; of all but accuracy, where that is probed. */
const TIMING_SHARE = 0.3;
const COST_SHARE = 0.55;
const LOADED_AT_ONCE = 2;

/**
 * Measures a model on this device within a budget: the time of each unit at a few micro-batches (read inside real
 * steps), whole steps of a few configs (memory in a process of its own each, time at several micro-batches), and, where there are samples, how
 * accuracy moves under a few freezings. The model that serves is not touched: all runs in child processes on copies.
 *
 * Throws `cancelled`; `over-budget` when the budget is too small for a profile or the system's memory ran short;
 * `invalid-argument` for a task that makes no sense.
 */
export async function probe(task: ProbeTask, budget: ProbeBudget, options: ProbeOptions): Promise<Profile> {
  if (!(budget.maxMs > 0)) {
    throw new MpoError("invalid-argument", `the probe's time is ${budget.maxMs} ms; expected more than 0`);
  }
  checkKnown(task);
  const availableBytes = options.availableBytes ?? readAvailableMemory;
  const leastAvailableBytes = budget.leastAvailableBytes ?? LEAST_AVAILABLE_BYTES;
  using guard = new ProbeGuard({
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    maxMs: budget.maxMs,
    leastAvailableBytes,
    availableBytes,
  });
  await guard.check(availableBytes, leastAvailableBytes);
  return await new Probe(task, budget, options, guard).run();
}

function checkKnown({ known, model, method, effectiveBatch }: ProbeTask): void {
  if (known === undefined) return;
  const isSame =
    known.model.graphDigest === graphDigest(model.graph) &&
    known.method.loss === method &&
    known.effectiveBatch === effectiveBatch;
  if (isSame) return;
  throw new MpoError("invalid-argument", `the known profile is of another model, method or batch than ${method} here`, {
    hint: "Probe without a known profile.",
  });
}

/** One probe under way. */
class Probe {
  readonly #task: ProbeTask;
  readonly #budget: ProbeBudget;
  readonly #options: ProbeOptions;
  readonly #guard: ProbeGuard;
  readonly #method: AdaptationMethod;
  readonly #costs: UnitCostTable;
  readonly #steps: MeasuredStep[] = [];
  readonly #began: number;
  #timing: UnitTimingReport | undefined;
  #peakBytes = 0;
  /** What it last took a worker to go on with another micro-batch of the same program. */
  #reloadMs = 0;

  constructor(task: ProbeTask, budget: ProbeBudget, options: ProbeOptions, guard: ProbeGuard) {
    this.#task = task;
    this.#budget = budget;
    this.#options = options;
    this.#guard = guard;
    this.#method = methodNamed(task.method);
    this.#costs = new UnitCostTable(chainOf(task.model.graph));
    this.#began = this.#now();
  }

  async run(): Promise<Profile> {
    const { known } = this.#task;
    let accuracy: readonly AccuracySample[] = [];
    try {
      if (known === undefined) {
        await this.#timeUnits();
        await this.#measureSteps();
      }
      accuracy = await this.#measureAccuracy();
    } catch (error) {
      // What the time was too short for is left out; a cancel and a lack of memory end everything.
      const reason = this.#guard.reason;
      if (reason === undefined) throw error;
      if (reason.code !== "timed-out") throw reason;
    }
    if (this.#guard.reason !== undefined && this.#guard.reason.code !== "timed-out") throw this.#guard.reason;
    if (known !== undefined) return validateProfile(this.#profile(accuracy));
    if (this.#timing === undefined || this.#steps.length < LEAST_STEPS) {
      throw new MpoError(
        "over-budget",
        `${this.#budget.maxMs} ms are too few to probe ${this.#task.model.graph.name}: ` +
          `${this.#timing === undefined ? "its units were not timed" : `${this.#steps.length} steps were measured`}`,
        { hint: "Give the probe more time or memory." },
      );
    }
    return validateProfile(this.#profile(accuracy));
  }

  async #timeUnits(): Promise<void> {
    const { chain } = this.#costs;
    const { effectiveBatch, samples, model } = this.#task;
    const microBatches = powersOfTwo(effectiveBatch).filter((size) => {
      return this.#fits(residentGrowth(timedPlan(chain, size), this.#facts()));
    });
    if (microBatches.length === 0) throw this.#nothingFits();
    this.#report("units");
    const { loss, optimizer } = this.#method;
    this.#timing = await timeUnits(
      model,
      {
        training: { loss, optimizer },
        microBatches,
        rounds: TIMING_ROUNDS,
        maxMs: TIMING_SHARE * this.#budget.maxMs,
        seed: this.#seed(),
        ...(samples === undefined ? {} : { images: samples.adapted.images }),
      },
      { ...this.#process(), ...this.#timingCap(microBatches), signal: this.#guard.signal },
    );
    this.#peakBytes = this.#timing.peakBytes;
  }

  /** As many as the time allows, the most valuable first. */
  async #measureSteps(): Promise<void> {
    const share = this.#task.samples === undefined ? 1 : COST_SHARE;
    const until = this.#began + share * this.#budget.maxMs;
    const groups = this.#stepGroups();
    const queue = new StepQueue(groups);
    let startMs = 0;
    while (!queue.isEmpty && this.#steps.length < MAX_CONFIGS) {
      const stepMs = this.#stepMs();
      const leftMs = (): number => until - this.#now();
      const chunk = queue.take(this.#options.loadedAtOnce ?? LOADED_AT_ONCE, leftMs() - startMs, ({ first }) => {
        return LEAST_RUNS * stepMs(first);
      });
      if (chunk.length === 0) break;
      this.#report(`steps (${this.#steps.length} done)`);
      startMs = await this.#measureChunk(chunk, stepMs, leftMs);
    }
    if (this.#steps.length < LEAST_STEPS) await this.#measureQuickest(groups);
  }

  /** What a config's step takes, as far as is known now. */
  #stepMs(): (config: RetrainConfig) => number {
    const model = new CostModel(this.#costs.chain, this.#costProfile(), this.#costs);
    return (config) => model.predict(config).stepMs.expected;
  }

  /**
   * On a busy machine the time may be too short for every step as it should be measured. Without any there is no profile:
   * then the quickest ones are tried, once each, until the time is over.
   */
  async #measureQuickest(groups: readonly StepGroup[]): Promise<void> {
    const stepMs = this.#stepMs();
    const measured = new Set(this.#steps.map(({ sample }) => JSON.stringify(sample.config)));
    const quickest = groups
      .flatMap(({ first, others }) => [first, ...others])
      .filter((config) => !measured.has(JSON.stringify(config)))
      .sort((left, right) => stepMs(left) - stepMs(right))
      .slice(0, LEAST_STEPS - this.#steps.length);
    const { signal } = this.#guard;
    for (const config of quickest) {
      this.#report(`the quickest steps (${this.#steps.length} done)`);
      // Each in a process of its own: of a profile so small, memory should rest on both.
      await measureStep(this.#stepTask(config), config, { signal, timedSteps: 1 }).then(
        (step) => this.#keep(step),
        (error: unknown) => this.#unlessOverCap(error),
      );
    }
  }

  /**
   * Loads the chunk's workers at once and runs them one after the other. Each goes on with the other micro-batches of its
   * group, of which only the time is measured. Returns what loading took.
   */
  async #measureChunk(
    chunk: readonly StepGroup[],
    stepMs: (config: RetrainConfig) => number,
    leftMs: () => number,
  ): Promise<number> {
    const { signal } = this.#guard;
    const began = this.#now();
    const starts = await Promise.allSettled(
      chunk.map(({ first }) => PreparedStep.start(this.#stepTask(first), first, signal)),
    );
    const startMs = this.#now() - began;
    try {
      // What no worker has run yet comes before what repeats its like.
      let reservedMs = chunk.reduce((sum, { first }) => sum + LEAST_RUNS * stepMs(first), 0);
      for (const [index, start] of starts.entries()) {
        const { first, others } = chunk[index] as StepGroup;
        reservedMs -= LEAST_RUNS * stepMs(first);
        if (start.status === "rejected") {
          this.#unlessOverCap(start.reason);
          continue;
        }
        const { value: prepared } = start;
        if (!(await this.#measured(prepared, stepMs(first)))) continue;
        for (const other of others) {
          if (LEAST_RUNS * stepMs(other) + this.#reloadMs > leftMs() - reservedMs) continue;
          const reloadFrom = this.#now();
          const isLoaded = await prepared.reload(other, signal).then(
            () => true,
            (error: unknown) => this.#unlessOverCap(error),
          );
          this.#reloadMs = this.#now() - reloadFrom;
          if (!isLoaded || !(await this.#measured(prepared, stepMs(other)))) break;
        }
      }
      return startMs;
    } finally {
      for (const start of starts) if (start.status === "fulfilled") await start.value[Symbol.asyncDispose]();
    }
  }

  /** False when the limit stopped it: its process is no more. */
  async #measured(prepared: PreparedStep, expectedMs: number): Promise<boolean> {
    const measured = await prepared.measure(timedStepsFor(expectedMs), this.#guard.signal).catch((error: unknown) => {
      this.#unlessOverCap(error);
    });
    if (measured === undefined) return false;
    this.#keep(measured);
    return true;
  }

  #keep(measured: MeasuredStep): void {
    this.#steps.push(measured);
    const { idleBytes, stateBytes } = measured.loaded;
    const grown = (measured.sample.peakBytes ?? 0) - stateBytes;
    this.#peakBytes = Math.max(this.#peakBytes, idleBytes + grown);
  }

  /** A config that needs more than the limit has been stopped by it: the others go on. */
  #unlessOverCap(error: unknown): false {
    if (!(error instanceof MpoError && error.code === "over-memory-cap")) throw error;
    return false;
  }

  async #measureAccuracy(): Promise<readonly AccuracySample[]> {
    const { samples, model } = this.#task;
    if (samples === undefined) return [];
    this.#report("accuracy");
    const costModel = new CostModel(this.#costs.chain, this.#costProfile(), this.#costs);
    const { signal } = this.#guard;
    const memoryOf = (config: RetrainConfig): number => costModel.predict(config).memoryBytes.upper;
    const configs = this.#learningConfigs(costModel);
    const [largest] = configs.toSorted((left, right) => memoryOf(right) - memoryOf(left));
    if (largest === undefined) return [];
    await using worker = await EngineWorker.start({ ...this.#process(), ...this.#cap(largest) }, { signal });
    const curves = runMicroWindows(
      worker,
      {
        model,
        method: this.#method,
        samples,
        configs,
        stepMs: (config) => costModel.predict(config).stepMs.expected,
        budgetMs: SAFE_SHARE * (this.#began + this.#budget.maxMs - this.#now()),
        seed: this.#seed(),
      },
      { signal, nowMs: () => this.#now() },
    );
    return await curves.catch((error: unknown) => {
      this.#unlessOverCap(error);
      return [];
    });
  }

  /** Freezings, and micro-batches where they matter, that span what can be learned, the most telling first; only what fits. */
  #learningConfigs(model: CostModel): readonly RetrainConfig[] {
    const { effectiveBatch } = this.#task;
    const sizes = hasBatchStatistics(this.#task.model) ? [64, 16, 4] : [32, 8, 2];
    const sizesEach = hasBatchStatistics(this.#task.model) ? 2 : 1;
    const limit = this.#budget.memoryBytes ?? Number.POSITIVE_INFINITY;
    const configOf = (rate: number, microBatch: number): RetrainConfig => {
      const freezing = { featureExtraction: rate, normalisation: rate, linear: 0 };
      const config = resolveRetrainConfig({ microBatch, accumulation: effectiveBatch / microBatch, freezing });
      return withPrescribedRates(config, this.#method.loss);
    };
    // What nearly nothing trains gains comes before what lies between.
    const fitting = [0, 0.9, 0.5].map((rate) =>
      sizes
        .filter((size) => effectiveBatch % size === 0)
        .map((microBatch) => configOf(rate, microBatch))
        .filter((config) => this.#trains(config) && model.predict(config).memoryBytes.upper <= limit),
    );
    // Each freezing once before any twice: what comes last is left out where time is short.
    const ranks = Array.from({ length: sizesEach }, (_, rank) => rank);
    return ranks.flatMap((rank) => fitting.flatMap((configs) => configs[rank] ?? []));
  }

  #stepGroups(): readonly StepGroup[] {
    const { configs = [], effectiveBatch } = this.#task;
    const { loss } = this.#method;
    const groups =
      configs.length > 0
        ? configs.map((first) => ({ first, others: [] }))
        : probeSteps(this.#costs.chain, { effectiveBatch, loss, seed: this.#seed() });
    const isPossible = (config: RetrainConfig): boolean =>
      this.#trains(config) && this.#fits(residentGrowth(planStep(this.#costs.chain, config), this.#facts()));
    return groups.flatMap(({ first, others }): readonly StepGroup[] => {
      const [possible, ...rest] = [first, ...others].filter(isPossible);
      return possible === undefined ? [] : [{ first: possible, others: rest }];
    });
  }

  /** In a model of few layers a rate may freeze them all. */
  #trains({ freezing }: RetrainConfig): boolean {
    return frozenParameters(this.#costs.chain, freezing).some((isFrozen) => !isFrozen);
  }

  /** What is known of memory and time until now. */
  #costProfile(): CostProfile {
    const { known, effectiveBatch } = this.#task;
    if (known !== undefined) return known;
    const { chain } = this.#costs;
    const timing = this.#timing;
    return {
      memoryFacts: this.#facts(),
      effectiveBatch,
      unitTimes: timing === undefined ? [] : consistentTimes(unitTimeSamples(chain, timing)),
      steps: this.#steps.map(({ sample }) => sample),
      updates: timing === undefined ? [] : [updateSample(chain, timing)],
      spent: this.#disturbance(),
    };
  }

  #profile(accuracy: readonly AccuracySample[]): Profile {
    const { model, device, known } = this.#task;
    const measuredAtMs = (this.#options.wallMs ?? Date.now)();
    if (known !== undefined) {
      const spent = { ms: this.#now() - this.#began, peakBytes: this.#peakBytes, configs: 0 };
      return { ...known, accuracy, spent, measuredAtMs };
    }
    const { chain } = this.#costs;
    const measured = this.#costProfile();
    const fresh = this.#steps.filter(({ sample }) => sample.peakBytes !== undefined);
    const idle = fresh.map(({ loaded }) => loaded.idleBytes - loaded.stateBytes).sort((a, b) => a - b);
    return {
      version: PROFILE_VERSION,
      model: {
        name: model.graph.name,
        graphDigest: graphDigest(model.graph),
        unitCount: chain.units.length,
        parameterCount: parameterCount(model.graph).trainable,
        hasBatchStatistics: hasBatchStatistics(model),
      },
      device,
      software: { engine: ENGINE_VERSION, library: this.#timing?.tensorflowVersion ?? "unknown" },
      method: { loss: this.#method.loss, optimizer: this.#method.optimizer.kind },
      ...measured,
      idleBytes: idle[Math.floor(idle.length / 2)] ?? 0,
      accuracy,
      spent: {
        ms: this.#now() - this.#began,
        peakBytes: this.#peakBytes,
        configs: this.#steps.length,
        ...measured.spent,
      },
      measuredAtMs,
    };
  }

  /** How busy others kept the processor, over all that counts as measured. */
  #disturbance(): { readonly othersCpuShare?: number } {
    const shares = [...(this.#timing?.steps ?? []), ...this.#steps].flatMap(
      ({ othersCpuShare }) => othersCpuShare ?? [],
    );
    if (shares.length === 0) return {};
    return { othersCpuShare: shares.reduce((sum, share) => sum + share, 0) / shares.length };
  }

  #facts(): Profile["memoryFacts"] {
    return stepMemoryFacts(this.#costs.chain, this.#method);
  }

  #fits(growthBytes: number): boolean {
    return growthBytes <= (this.#budget.memoryBytes ?? Number.POSITIVE_INFINITY);
  }

  #nothingFits(): MpoError {
    const needed = residentGrowth(timedPlan(this.#costs.chain), this.#facts());
    return new MpoError(
      "over-budget",
      `the probe may take ${this.#budget.memoryBytes} bytes; the smallest step that it times takes about ${needed}`,
      { hint: "Give the probe more memory." },
    );
  }

  #stepTask(config: RetrainConfig): StepTask {
    const { model, samples } = this.#task;
    const { loss, optimizer } = this.#method;
    const real = samples === undefined ? {} : { samples: samples.adapted };
    return {
      model,
      training: { loss, optimizer },
      ...real,
      seed: this.#seed(),
      ...this.#process(),
      ...this.#cap(config),
    };
  }

  #cap(config: RetrainConfig): { readonly memoryCapBytes?: number } {
    const { memoryBytes } = this.#budget;
    if (memoryBytes === undefined) return {};
    return { memoryCapBytes: poolCapFor(this.#task.model.graph, config, this.#facts(), memoryBytes) };
  }

  #timingCap(microBatches: readonly number[]): { readonly memoryCapBytes?: number } {
    const { memoryBytes } = this.#budget;
    if (memoryBytes === undefined) return {};
    const plan = timedPlan(this.#costs.chain, Math.max(...microBatches));
    const cap = poolCapForPlan(plan, this.#facts(), memoryBytes);
    return { memoryCapBytes: Math.ceil(MIXED_POOL_FACTOR * cap) };
  }

  #process(): Pick<StepTask, "environment" | "threads" | "oomScoreAdjust"> {
    const { environment, threads, oomScoreAdjust } = this.#options;
    return {
      environment,
      ...(threads === undefined ? {} : { threads }),
      ...(oomScoreAdjust === undefined ? {} : { oomScoreAdjust }),
    };
  }

  #report(what: string): void {
    this.#options.onProgress?.(what, Math.min(1, (this.#now() - this.#began) / this.#budget.maxMs));
  }

  #seed(): number {
    return this.#options.seed ?? 1;
  }

  #now(): number {
    return (this.#options.nowMs ?? (() => performance.now()))();
  }
}

/** The first step and the fewest that are timed. */
const LEAST_RUNS = 3;
/** Part of the time left that micro-windows plan with: their steps are predicted, not known. */
const SAFE_SHARE = 0.85;

function hasBatchStatistics({ graph }: Model): boolean {
  return graph.nodes.some(({ kind }) => kind === "batchNorm");
}
