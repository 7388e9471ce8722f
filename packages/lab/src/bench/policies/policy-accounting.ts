import { MpoError, mean, POLICY_NAMES, type PolicyName, remembered } from "@mpo/core";
import type { ContenderName } from "./contenders.ts";
import { PUBLISHED_NAMES, type PublishedName } from "./published-rules.ts";

/** What a device may spend in one window. */
export interface Limits {
  readonly memoryBytes: number;
  readonly windowMs: number;
}

/** What one contender came to under one pair of limits, over all drifts. */
export interface PolicyCell {
  readonly limits: Limits;
  readonly policy: ContenderName;
  /** False: nothing that it may run fits, or a policy held nothing for worth while: the model stays as it is. */
  readonly isAdapted: boolean;
  /** Accuracies of what serves after the window, 0 to 1, in the order of the drifts. */
  readonly after: readonly number[];
}

/** The techniques of which each policy has one alone. */
export const SINGLE_TECHNIQUES: readonly PolicyName[] = ["microBatch", "freezing", "checkpointing"];
const SEARCHED_OTHERS: readonly PolicyName[] = POLICY_NAMES.filter((name) => name !== "joint");

interface Best<Name extends ContenderName> {
  readonly policy: Name;
  readonly accuracy: number;
}

/** How the joint policy compares with the others under one pair of limits. Differences are joint minus other. */
export interface LimitsComparison {
  readonly limits: Limits;
  /** The plain step does not fit these limits. */
  readonly isBinding: boolean;
  readonly joint: number;
  readonly bestPublished: Best<PublishedName>;
  readonly bestSingle: Best<PolicyName>;
  /** Of all that are searched. */
  readonly bestOther: Best<PolicyName>;
  readonly gainOverPublished: number;
  readonly gainOverSingle: number;
  readonly gainOverOther: number;
  /** The single technique that is best for each drift, chosen with the labels that no device has. */
  readonly gainOverSingleByDrift: readonly number[];
}

/** All pairs of limits together. Means over the pairs where limits bind are undefined where none do. */
export interface PoliciesSummary {
  readonly pairs: readonly LimitsComparison[];
  readonly bindingPairs: number;
  /** The smallest `gainOverOther` of any pair. */
  readonly worstGain: number;
  /** Against the best single technique that is searched. */
  readonly meanGainWhereBinding: number | undefined;
  /** Against the best of the published rules. */
  readonly meanGainOverPublished: number | undefined;
  /** Against each contender, where limits bind; empty where none do. */
  readonly meanGainOver: Readonly<Partial<Record<ContenderName, number>>>;
  /** The largest gain over the best single technique that any drift showed where limits bind. */
  readonly largestGain: number | undefined;
}

/**
 * Time of a window that is left for training: the probe's cost is shared equally by the windows that use its profile.
 * Every policy that is searched pays: each is chosen, and stopped, by the same search.
 */
export function chargedWindowMs(windowMs: number, probeMs: number, windows: number): number {
  return windowMs - probeMs / Math.max(1, windows);
}

/** Cells by their pair of limits, in the order in which pairs first appear. */
export function byLimits<Cell extends PolicyCell>(cells: readonly Cell[]): readonly (readonly Cell[])[] {
  const groups = new Map<string, Cell[]>();
  for (const cell of cells) {
    remembered(groups, `${cell.limits.memoryBytes} ${cell.limits.windowMs}`, () => []).push(cell);
  }
  return [...groups.values()];
}

/** Compares the policies under each pair of limits. Every pair must have a cell of every contender. */
export function comparePolicies(cells: readonly PolicyCell[]): PoliciesSummary {
  const compared = byLimits(cells).map((group) => ({ group, pair: compareCells(group) }));
  const binding = compared.filter(({ pair }) => pair.isBinding);
  const pairs = compared.map(({ pair }) => pair);
  const worstGain = Math.min(...pairs.map(({ gainOverOther }) => gainOverOther));
  const meanOf = (gain: (pair: LimitsComparison) => number): number | undefined =>
    binding.length === 0 ? undefined : mean(binding.map(({ pair }) => gain(pair)));
  const over = (policy: ContenderName): number =>
    mean(binding.map(({ group, pair }) => pair.joint - mean(cellOf(group, policy).after)));
  const others = binding.length === 0 ? [] : [...PUBLISHED_NAMES, ...SEARCHED_OTHERS];
  const gains = binding.flatMap(({ pair }) => pair.gainOverSingleByDrift);
  return {
    pairs,
    bindingPairs: binding.length,
    worstGain,
    meanGainWhereBinding: meanOf(({ gainOverSingle }) => gainOverSingle),
    meanGainOverPublished: meanOf(({ gainOverPublished }) => gainOverPublished),
    meanGainOver: Object.fromEntries(others.map((name) => [name, over(name)])),
    largestGain: binding.length === 0 ? undefined : Math.max(...gains),
  };
}

function compareCells(cells: readonly PolicyCell[]): LimitsComparison {
  const joint = cellOf(cells, "joint");
  const bestPublished = bestOf(PUBLISHED_NAMES, cells);
  const bestSingle = bestOf(SINGLE_TECHNIQUES, cells);
  const bestOther = bestOf(SEARCHED_OTHERS, cells);
  const accuracy = mean(joint.after);
  const singles = SINGLE_TECHNIQUES.map((policy) => cellOf(cells, policy));
  return {
    limits: joint.limits,
    isBinding: !cellOf(cells, "publishedPlain").isAdapted,
    joint: accuracy,
    bestPublished,
    bestSingle,
    bestOther,
    gainOverPublished: accuracy - bestPublished.accuracy,
    gainOverSingle: accuracy - bestSingle.accuracy,
    gainOverOther: accuracy - bestOther.accuracy,
    gainOverSingleByDrift: joint.after.map(
      (after, drift) => after - Math.max(...singles.map((single) => single.after[drift] as number)),
    ),
  };
}

function bestOf<Name extends ContenderName>(names: readonly Name[], cells: readonly PolicyCell[]): Best<Name> {
  return names
    .map((policy) => ({ policy, accuracy: mean(cellOf(cells, policy).after) }))
    .reduce((best, one) => (one.accuracy > best.accuracy ? one : best));
}

function cellOf(cells: readonly PolicyCell[], policy: ContenderName): PolicyCell {
  const cell = cells.find((one) => one.policy === policy);
  if (cell === undefined) throw new MpoError("internal", `no cell of policy ${policy}`);
  return cell;
}
