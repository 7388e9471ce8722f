import { type AffineBytes, NO_BYTES, type UnitAction } from "../facts/index.ts";
import { PeakCollector, type PeakEnvelope } from "./peak-envelope.ts";
import type { UnitCosts, UnitPeak } from "./plan-unit.ts";
import {
  type BoundaryVersion,
  type ResolvedBackward,
  type ResolvedForward,
  resolveSchedule,
} from "./resolved-schedule.ts";

/** What a schedule of units does, in memory and in work, for every micro-batch. */
export interface WalkedSchedule {
  /**
   * Peak of one micro-batch above the constant part (optimizer slots, accumulators), the input batch included. Equal to
   * `memoryTimeline` of the planned schedule; more where a unit's output shares the buffer of its input.
   */
  readonly peak: PeakEnvelope;
  /** Times that each unit runs forward in full, again with its output still there, and backward. */
  readonly forwards: readonly number[];
  readonly agains: readonly number[];
  readonly backwards: readonly number[];
}

/**
 * Walks a schedule unit by unit: the same result as planning it operation by operation, in microseconds. `costs` are of
 * one set of frozen parameters; the schedule must be one that `unitSchedule` accepts.
 */
export function walkSchedule(
  costs: readonly UnitCosts[],
  actions: readonly UnitAction[],
  lossWorkBytesPerSample: number,
): WalkedSchedule {
  const { actions: resolved, versions } = resolveSchedule(costs, actions);
  const walk = new MemoryWalk(versions);
  const forwards = costs.map(() => 0);
  const agains = costs.map(() => 0);
  const backwards = costs.map(() => 0);
  const count = (counts: number[], unit: number): void => {
    counts[unit]! += 1;
  };
  resolved.forEach((action, index) => {
    if (action.kind === "loss") {
      const hasGradient = costs[costs.length - 1]!.hasBackward;
      walk.loss(action.logits, hasGradient, lossWorkBytesPerSample, index);
    } else if (action.kind === "forward") {
      if (!action.isNeeded) return;
      count(action.isAgain ? agains : forwards, action.unit);
      walk.forward(costs[action.unit]!, action, index);
    } else {
      const cost = costs[action.unit]!;
      if (!cost.hasBackward) return;
      count(backwards, action.unit);
      walk.backward(cost, action, index);
    }
  });
  return { peak: walk.peak.envelope(), forwards, agains, backwards };
}

/** Bytes in memory between actions, and the peak so far. */
class MemoryWalk {
  readonly peak: PeakCollector = new PeakCollector();
  readonly #versions: readonly BoundaryVersion[];
  readonly #isLive: boolean[];
  #fixed = 0;
  #perSample = 0;
  #gradient: AffineBytes = NO_BYTES;

  constructor(versions: readonly BoundaryVersion[]) {
    this.#versions = versions;
    this.#isLive = versions.map(() => false);
    this.#start(0);
  }

  loss(logits: number, hasGradient: boolean, workBytesPerSample: number, index: number): void {
    const { bytes } = this.#versions[logits]!;
    this.peak.add(this.#fixed + bytes.fixed, this.#perSample + bytes.perSample + workBytesPerSample);
    if (hasGradient) this.#setGradient(bytes);
    this.#end(logits, index);
  }

  forward(unit: UnitCosts, action: ResolvedForward, index: number): void {
    const { again, keepingAll, keepingNothing } = unit.peaks;
    const peaks = action.isAgain ? again : action.saves ? keepingAll : keepingNothing;
    const keptOutput = action.isAgain && unit.readsOutput ? this.#bytesOf(action.output) : NO_BYTES;
    this.#during(this.#select(peaks, action.input, index), this.#bytesOf(action.input), keptOutput);
    this.#end(action.input, index);
    const output = this.#versions[action.output]!;
    if (!this.#isLive[action.output] && output.lastUse > index) this.#start(action.output);
    if (action.saves) this.#hold(unit.savedBytes, 1);
  }

  backward(unit: UnitCosts, action: ResolvedBackward, index: number): void {
    this.#hold(unit.savedBytes, -1);
    this.#setGradient(NO_BYTES);
    const peaks = this.#select(unit.peaks.backward, action.input, index);
    this.#during(peaks, this.#bytesOf(action.input), this.#bytesOf(action.output));
    this.#setGradient(unit.wantsInputGradient ? unit.inputBytes : NO_BYTES);
    this.#end(action.input, index);
    this.#end(action.output, index);
  }

  /** A unit's peak has its own input and output in it, which are counted already. */
  #during(envelope: PeakEnvelope, input: AffineBytes, output: AffineBytes): void {
    const fixed = this.#fixed - input.fixed - output.fixed;
    const perSample = this.#perSample - input.perSample - output.perSample;
    for (const bytes of envelope) this.peak.add(fixed + bytes.fixed, perSample + bytes.perSample);
  }

  #select({ held, freed }: UnitPeak, input: number, index: number): PeakEnvelope {
    const version = this.#versions[input];
    return version !== undefined && version.lastUse > index ? held : freed;
  }

  #bytesOf(version: number): AffineBytes {
    return this.#isLive[version] === true ? this.#versions[version]!.bytes : NO_BYTES;
  }

  #start(version: number): void {
    this.#hold(this.#versions[version]!.bytes, 1);
    this.#isLive[version] = true;
  }

  #end(version: number, index: number): void {
    if (this.#isLive[version] !== true || this.#versions[version]!.lastUse > index) return;
    this.#hold(this.#versions[version]!.bytes, -1);
    this.#isLive[version] = false;
  }

  #setGradient(bytes: AffineBytes): void {
    this.#hold(this.#gradient, -1);
    this.#gradient = bytes;
    this.#hold(bytes, 1);
  }

  #hold(bytes: AffineBytes, sign: 1 | -1): void {
    this.#fixed += sign * bytes.fixed;
    this.#perSample += sign * bytes.perSample;
  }
}
