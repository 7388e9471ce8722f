import type { FaultGroup } from "./cluster-faults.ts";
import { whyNoDisks, whyNoSlowDisks } from "./faulty-disk.ts";

/** The groups of faults that can be made here, and why others cannot. */
export async function possibleGroups(
  wanted: readonly FaultGroup[],
): Promise<{ readonly groups: readonly FaultGroup[]; readonly why: readonly string[] }> {
  const reasons: Partial<Record<FaultGroup, string | undefined>> = {
    disks: wanted.includes("disks") ? await whyNoDisks() : undefined,
    "slow disks": wanted.includes("slow disks") ? await whyNoSlowDisks() : undefined,
  };
  return {
    groups: wanted.filter((group) => reasons[group] === undefined),
    why: wanted.flatMap((group) => (reasons[group] === undefined ? [] : `LEFT OUT, ${group}: ${reasons[group]}`)),
  };
}
