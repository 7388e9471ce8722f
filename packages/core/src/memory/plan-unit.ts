import { type AffineBytes, addBytes, type Chain, NO_BYTES, type UnitAction } from "../facts/index.ts";
import { type Instruction, planStep, type StepPlan } from "../plan/index.ts";
import { type IsolatedUnit, isolateUnit, STEM_UNIT, TAIL_UNIT, THE_UNIT } from "./isolated-unit.ts";
import { memoryTimeline } from "./memory-timeline.ts";
import { PeakCollector, type PeakEnvelope } from "./peak-envelope.ts";

/** A piece of work of a unit, named so that a cost model can price it. Operations are the model's. */
export type UnitWork =
  | { readonly kind: "forward"; readonly op: number }
  | { readonly kind: "backward"; readonly op: number; readonly reachesInput: boolean; readonly trains: boolean }
  | { readonly kind: "addGradients"; readonly bytes: AffineBytes };

/** Peak while a unit runs, in bytes, its own tensors only: with its input held by somebody else, or freed by the unit. */
export interface UnitPeak {
  readonly held: PeakEnvelope;
  readonly freed: PeakEnvelope;
}

/**
 * What one unit costs under one set of frozen parameters. All bytes are what `memoryTimeline` counts for the unit when
 * its plan is walked between two neighbours that cost nothing.
 */
export interface UnitCosts {
  readonly inputBytes: AffineBytes;
  readonly outputBytes: AffineBytes;
  /** What it keeps for its backward pass, apart from its input and output. */
  readonly savedBytes: AffineBytes;
  /** Its backward pass reads the unit's input, its output. */
  readonly readsInput: boolean;
  readonly readsOutput: boolean;
  /** The loss's gradient reaches its output, its input. */
  readonly hasBackward: boolean;
  readonly wantsInputGradient: boolean;
  /** A run while the unit's output is still there from before makes the output again if its backward pass reads it. */
  readonly remakesOutput: boolean;
  readonly peaks: {
    readonly keepingAll: UnitPeak;
    readonly keepingNothing: UnitPeak;
    /** A run that keeps all while the unit's output is still there from before. */
    readonly again: UnitPeak;
    readonly backward: UnitPeak;
  };
  readonly work: {
    readonly forward: readonly UnitWork[];
    readonly again: readonly UnitWork[];
    readonly backward: readonly UnitWork[];
  };
}

const run = (unit: number, keep: "all" | "input" | "nothing" = "all"): UnitAction => ({ kind: "forward", unit, keep });
const back = (unit: number): UnitAction => ({ kind: "backward", unit });
const STEM = run(STEM_UNIT);
const TAIL = [run(TAIL_UNIT), back(TAIL_UNIT)];
const UNIT_AND_STEM_BACK = [back(THE_UNIT), back(STEM_UNIT)];

const FIRST_RUN = [STEM, run(THE_UNIT), ...TAIL, ...UNIT_AND_STEM_BACK];
/** The unit runs once keeping only its input, and again when the gradient has come back to it. */
const RUN_AGAIN = [STEM, run(THE_UNIT, "input"), ...TAIL, run(THE_UNIT), ...UNIT_AND_STEM_BACK];
/** As above, but not even the input is kept. */
const RUN_AND_DROP = [STEM, run(THE_UNIT, "nothing"), ...TAIL, STEM, run(THE_UNIT), ...UNIT_AND_STEM_BACK];

/** Plans one unit with its neighbours taken away. Operations in `work` are numbered within the unit, from 1. */
export function planUnit(
  chain: Chain,
  unit: number,
  frozen: readonly boolean[],
  wantsInputGradient: boolean,
): UnitCosts {
  const isolate = (isInputHeld: boolean): IsolatedUnit =>
    isolateUnit(chain, unit, { frozen, wantsInputGradient, isInputHeld });
  const held = isolate(true);
  const freed = isolate(false);
  const firstHeld = walk(held, FIRST_RUN);
  const firstFreed = walk(freed, FIRST_RUN);
  const againHeld = walk(held, RUN_AGAIN);
  const againFreed = walk(freed, RUN_AGAIN);
  const dropped = walk(freed, RUN_AND_DROP);

  const inputBytes = valueBytes(held, held.input);
  const outputBytes = valueBytes(held, held.output);
  const hasBackward = wantsInputGradient || held.trains;
  const gradientBytes = hasBackward ? outputBytes : NO_BYTES;
  const read = readByBackward(firstHeld);
  const readAgain = readByBackward(againHeld);
  return {
    inputBytes,
    outputBytes,
    savedBytes: positive(subtract(firstHeld.afterForward, addBytes(inputBytes, outputBytes))),
    readsInput: read.has(firstHeld.inputBuffer),
    readsOutput: read.has(firstHeld.firstOutput),
    hasBackward,
    wantsInputGradient,
    remakesOutput: read.has(firstHeld.firstOutput) && !readAgain.has(againHeld.firstOutput),
    peaks: {
      keepingAll: { held: envelope(firstHeld.forward), freed: envelope(firstFreed.forward) },
      keepingNothing: { held: envelope(againHeld.forward), freed: envelope(dropped.forward) },
      again: {
        held: envelope(againHeld.again, gradientBytes),
        freed: envelope(againFreed.again, gradientBytes),
      },
      backward: { held: envelope(firstHeld.backward), freed: envelope(firstFreed.backward) },
    },
    work: {
      forward: workOf(firstHeld.forward, firstHeld.plan),
      again: workOf(againHeld.again, againHeld.plan),
      backward: workOf(firstHeld.backward, firstHeld.plan),
    },
  };
}

interface Timed {
  readonly instruction: Instruction;
  readonly bytes: AffineBytes;
}

interface WalkedUnit {
  readonly plan: StepPlan;
  /** The unit's instructions: first run, run again, backward. */
  readonly forward: readonly Timed[];
  readonly again: readonly Timed[];
  readonly backward: readonly Timed[];
  /** In memory when the unit's first run is over: its input, its output and what it saved. */
  readonly afterForward: AffineBytes;
  /** Buffers of the input, and of the output that the first run made. */
  readonly inputBuffer: number;
  readonly firstOutput: number;
}

/** Two micro-batch sizes show both parts of every affine count; large, so that unequal tensors do not look equal. */
const SMALL_BATCH = 64;
const LARGE_BATCH = 128;

function walk(isolated: IsolatedUnit, actions: readonly UnitAction[]): WalkedUnit {
  const plan = planStep(isolated.chain, {
    microBatch: SMALL_BATCH,
    checkpoints: { kind: "schedule", actions },
  });
  const bytesAtBatch = (microBatch: number): readonly number[] =>
    memoryTimeline(
      { ...plan, config: { ...plan.config, microBatch } },
      { slotsPerParameter: 0, lossWorkBytesPerSample: 0 },
    ).bytesDuring;
  const small = bytesAtBatch(SMALL_BATCH);
  const large = bytesAtBatch(LARGE_BATCH);
  const timed = plan.microStep.map((instruction, index): Timed => {
    const perSample = (large[index]! - small[index]!) / (LARGE_BATCH - SMALL_BATCH);
    return { instruction, bytes: { fixed: small[index]! - perSample * SMALL_BATCH, perSample } };
  });

  const tailOp = isolated.chain.ops.length - 1;
  const isForwardOf = ({ instruction }: Timed, op: number): boolean =>
    instruction.kind === "forward" && instruction.op === op;
  const isOwnForward = ({ instruction }: Timed): boolean =>
    instruction.kind === "forward" && instruction.op > 0 && instruction.op < tailOp;
  const tailForward = timed.findIndex((entry) => isForwardOf(entry, tailOp));
  const tailUpdate = timed.findIndex(
    ({ instruction }) => instruction.kind === "update" && instruction.parameter === isolated.tailParameter,
  );
  const stemBackward = timed.findIndex(({ instruction }) => instruction.kind === "backward" && instruction.op === 0);
  const own = timed.slice(tailUpdate + 1, stemBackward === -1 ? undefined : stemBackward);
  const firstOutput = timed[tailForward]?.instruction;
  const stem = timed.find((entry) => isForwardOf(entry, 0))?.instruction;
  return {
    plan,
    forward: timed.slice(0, tailForward).filter(isOwnForward),
    again: own.filter(isOwnForward),
    backward: own.filter(({ instruction }) => instruction.kind !== "forward"),
    afterForward: timed[tailForward]!.bytes,
    inputBuffer: stem?.kind === "forward" ? bufferOf(plan, stem.output) : -1,
    firstOutput: firstOutput?.kind === "forward" ? bufferOf(plan, firstOutput.inputs[0]!) : -1,
  };
}

function readByBackward({ plan, backward }: WalkedUnit): ReadonlySet<number> {
  const read = new Set<number>();
  for (const { instruction } of backward) {
    if (instruction.kind !== "backward") continue;
    for (const tensor of [...instruction.savedInputs, instruction.savedOutput]) {
      if (tensor !== undefined) read.add(bufferOf(plan, tensor));
    }
  }
  return read;
}

function workOf(timed: readonly Timed[], plan: StepPlan): readonly UnitWork[] {
  const work: UnitWork[] = [];
  for (const { instruction } of timed) {
    if (instruction.kind === "forward") work.push({ kind: "forward", op: instruction.op });
    if (instruction.kind === "addGradients") {
      work.push({ kind: "addGradients", bytes: plan.tensors[instruction.sum]?.bytes ?? NO_BYTES });
    }
    if (instruction.kind === "backward") {
      const reachesInput = instruction.inputGradients.some((tensor) => tensor !== undefined);
      const trains = instruction.parameterGradients.some((tensor) => tensor !== undefined);
      work.push({ kind: "backward", op: instruction.op, reachesInput, trains });
    }
  }
  return work;
}

function envelope(timed: readonly Timed[], without: AffineBytes = NO_BYTES): PeakEnvelope {
  const collector = new PeakCollector();
  for (const { bytes } of timed) collector.add(bytes.fixed - without.fixed, bytes.perSample - without.perSample);
  return collector.envelope();
}

function valueBytes({ chain }: IsolatedUnit, value: number): AffineBytes {
  return chain.values[value]!.bytes;
}

function bufferOf(plan: StepPlan, tensor: number): number {
  return plan.tensors[tensor]?.sharesBufferOf ?? tensor;
}

function subtract(left: AffineBytes, right: AffineBytes): AffineBytes {
  return { fixed: left.fixed - right.fixed, perSample: left.perSample - right.perSample };
}

/** A unit that only reshapes shares one buffer between input and output: it saves nothing, not less than nothing. */
function positive({ fixed, perSample }: AffineBytes): AffineBytes {
  return { fixed: Math.max(0, fixed), perSample: Math.max(0, perSample) };
}
