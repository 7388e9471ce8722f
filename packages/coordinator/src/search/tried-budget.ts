import {
  given,
  type HighMoment,
  highMoments,
  type MethodPlanners,
  NOTHING_FROZEN,
  type Planner,
  type Prediction,
  type SearchResult,
} from "@mpo/core";
import {
  type AdminServiceMethods,
  MAX_MOMENTS,
  MAX_TRIED,
  type MicroBatchFound,
  type ResponseOf,
  type TriedConfig,
} from "@mpo/protocol";
import { foundLadder, type LadderRequest, searchedFor } from "./planned-ladder.ts";

/** What a search finds within a budget, and from what, with what pictures of it need. */
export type TriedBudget = ResponseOf<AdminServiceMethods["tryBudget"]>;

/** Throws `over-budget` when nothing fits. */
export function triedBudget(planners: MethodPlanners, request: LadderRequest): TriedBudget {
  const { budget, objective } = request;
  const result = searchedFor(planners, request);
  const { rungs, reasons, considered, overBudget, rejected, methods } = foundLadder(result);
  const { chain, profile } = (planners.get(result.best.method) as Planner).costs;
  const plain = {
    ...{ microBatch: profile.effectiveBatch, accumulation: 1, freezing: NOTHING_FROZEN },
    checkpoints: { kind: "none" } as const,
  };
  const momentsOf = (config: Prediction["config"]) =>
    highMoments(chain, config, profile.memoryFacts, MAX_MOMENTS).map(momentOf);
  return {
    ...{ budget, objective, rungs, reasons, explanation: { considered, overBudget, rejected, ...given({ methods }) } },
    cuts: Object.entries(result.cuts).map(([code, configs]) => ({ code, configs })),
    tried: shownOf(result),
    microBatches: bySize(result),
    chosenMemory: momentsOf(result.best.config),
    plainMemory: momentsOf(plain),
  };
}

function momentOf({ phase, bytes }: HighMoment): Pick<HighMoment, "phase" | "bytes"> {
  return { phase, bytes: Math.round(bytes) };
}

/** What is drawn of a configuration. */
function pointOf({ memoryBytes, stepMs, accuracy }: Prediction): Omit<TriedConfig, "cut"> {
  return { memoryBytes: Math.round(memoryBytes.upper), stepMs: stepMs.expected, accuracy: accuracy.expected };
}

/** The front, as far as there is room, and as many others as fit beside it, evenly chosen. */
function shownOf({ forEach }: Pick<SearchResult, "forEach">): readonly TriedConfig[] {
  const front: TriedConfig[] = [];
  const others: TriedConfig[] = [];
  forEach((prediction, cut) => {
    const point = pointOf(prediction);
    if (cut === undefined) front.push(point);
    else others.push({ ...point, cut: cut.reason });
  });
  const shown = evenly(front, MAX_TRIED / 2);
  return [...shown, ...evenly(others, MAX_TRIED - shown.length)];
}

/** What cuts by the budget or the policy; a configuration that is merely beaten fits. */
const UNFIT: readonly string[] = ["policy", "memory", "window", "exact-memory"];

/** What each size of a micro-batch would give. Of its own size, the best is what was chosen. */
function bySize({ forEach, best }: Pick<SearchResult, "forEach" | "best">): readonly MicroBatchFound[] {
  const found = new Map<number, MicroBatchFound>();
  forEach((prediction, cut) => {
    const { microBatch } = prediction.config;
    const fits = cut === undefined || !UNFIT.includes(cut.reason);
    const one = { microBatch, ...pointOf(prediction), ...(fits ? {} : { because: cut.because }) };
    const before = found.get(microBatch);
    const kept = before === undefined || isBetter(one, before) ? one : before;
    const [configs, fitting] = [(before?.configs ?? 0) + 1, (before?.fitting ?? 0) + (fits ? 1 : 0)];
    found.set(microBatch, { ...kept, configs, fitting });
  });
  const chosen = found.get(best.config.microBatch);
  if (chosen !== undefined) found.set(best.config.microBatch, { ...chosen, ...pointOf(best) });
  return [...found.values()].sort((left, right) => left.microBatch - right.microBatch);
}

type Found = Pick<MicroBatchFound, "memoryBytes" | "accuracy"> & { readonly because?: string | undefined };

/** Of those that fit, more accuracy, then less memory; else what needs least. */
function isBetter(one: Found, other: Found): boolean {
  const [fits, otherFits] = [one.because === undefined, other.because === undefined];
  if (fits !== otherFits) return fits;
  if (fits && one.accuracy !== other.accuracy) return one.accuracy > other.accuracy;
  return one.memoryBytes < other.memoryBytes;
}

function evenly<Item>(all: readonly Item[], most: number): readonly Item[] {
  if (all.length <= most) return all;
  return Array.from({ length: most }, (_, index) => all[Math.floor((index * all.length) / most)] as Item);
}
