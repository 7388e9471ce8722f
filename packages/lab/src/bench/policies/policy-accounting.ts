import { MpoError, mean, type PolicyName } from "@mpo/core";

/** What a device may spend in one window. */
export interface Limits {
  readonly memoryBytes: number;
  readonly windowMs: number;
}

/** What one policy came to under one pair of limits, over all drifts. */
export interface PolicyCell {
  readonly limits: Limits;
  readonly policy: PolicyName;
  /** False: nothing that the policy may choose fits, or it held nothing for worth while: the model stays as it is. */
  readonly isAdapted: boolean;
  /** Accuracies of what serves after the window, 0 to 1, in the order of the drifts. */
  readonly after: readonly number[];
}

/** The techniques of which each policy has one alone. */
export const SINGLE_TECHNIQUES: readonly PolicyName[] = ["microBatch", "freezing", "checkpointing"];

/** How the joint policy compares with the others under one pair of limits. Differences are joint minus other. */
export interface LimitsComparison {
  readonly limits: Limits;
  /** The plain step does not fit these limits. */
  readonly isBinding: boolean;
  readonly joint: number;
  readonly bestSingle: { readonly policy: PolicyName; readonly accuracy: number };
  readonly bestOther: { readonly policy: PolicyName; readonly accuracy: number };
  readonly gainOverSingle: number;
  readonly gainOverOther: number;
  /** The single technique that is best for each drift, chosen with the labels that no device has. */
  readonly gainOverSingleByDrift: readonly number[];
}

/** All pairs of limits together. */
export interface PoliciesSummary {
  readonly pairs: readonly LimitsComparison[];
  /** The smallest `gainOverOther` of any pair. */
  readonly worstGain: number;
  /** Means over the pairs where the limits bind; undefined where none do. */
  readonly meanGainWhereBinding: number | undefined;
  /** The same against each technique on its own. */
  readonly meanGainOverTechnique: Readonly<Partial<Record<PolicyName, number>>>;
  /** The largest gain over the best single technique that any drift showed where limits bind. */
  readonly largestGain: number | undefined;
}

/**
 * Time of a window that is left for training: the probe's cost is shared equally by the windows that use its profile.
 * Every policy pays: each is chosen, and stopped, by the same search.
 */
export function chargedWindowMs(windowMs: number, probeMs: number, windows: number): number {
  return windowMs - probeMs / Math.max(1, windows);
}

/** Compares the policies under each pair of limits. Every pair must have a cell of every policy. */
export function comparePolicies(cells: readonly PolicyCell[]): PoliciesSummary {
  const groups = new Map<string, PolicyCell[]>();
  for (const cell of cells) {
    const key = `${cell.limits.memoryBytes} ${cell.limits.windowMs}`;
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  const compared = [...groups.values()].map((group) => ({ group, pair: compareCells(group) }));
  const binding = compared.filter(({ pair }) => pair.isBinding);
  const pairs = compared.map(({ pair }) => pair);
  const worstGain = Math.min(...pairs.map(({ gainOverOther }) => gainOverOther));
  if (binding.length === 0) {
    return { pairs, worstGain, meanGainWhereBinding: undefined, meanGainOverTechnique: {}, largestGain: undefined };
  }
  const overTechnique = (policy: PolicyName): number =>
    mean(binding.map(({ group, pair }) => pair.joint - mean(cellOf(group, policy).after)));
  return {
    pairs,
    worstGain,
    meanGainWhereBinding: mean(binding.map(({ pair }) => pair.gainOverSingle)),
    meanGainOverTechnique: Object.fromEntries(SINGLE_TECHNIQUES.map((name) => [name, overTechnique(name)])),
    largestGain: Math.max(...binding.flatMap(({ pair }) => pair.gainOverSingleByDrift)),
  };
}

function compareCells(cells: readonly PolicyCell[]): LimitsComparison {
  const joint = cellOf(cells, "joint");
  const singles = SINGLE_TECHNIQUES.map((policy) => cellOf(cells, policy));
  const others = cells.filter(({ policy }) => policy !== "joint");
  const bestSingle = bestOf(singles);
  const bestOther = bestOf(others);
  const accuracy = mean(joint.after);
  return {
    limits: joint.limits,
    isBinding: !cellOf(cells, "fullBatch").isAdapted,
    joint: accuracy,
    bestSingle,
    bestOther,
    gainOverSingle: accuracy - bestSingle.accuracy,
    gainOverOther: accuracy - bestOther.accuracy,
    gainOverSingleByDrift: joint.after.map(
      (after, drift) => after - Math.max(...singles.map((single) => single.after[drift] as number)),
    ),
  };
}

function bestOf(cells: readonly PolicyCell[]): { readonly policy: PolicyName; readonly accuracy: number } {
  return cells
    .map(({ policy, after }) => ({ policy, accuracy: mean(after) }))
    .reduce((best, one) => (one.accuracy > best.accuracy ? one : best));
}

function cellOf(cells: readonly PolicyCell[], policy: PolicyName): PolicyCell {
  const cell = cells.find((one) => one.policy === policy);
  if (cell === undefined) throw new MpoError("internal", `no cell of policy ${policy}`);
  return cell;
}
