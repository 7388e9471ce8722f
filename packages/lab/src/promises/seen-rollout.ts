import type { RolloutRecord } from "@mpo/coordinator/testing";
import { type DeviceProgress, type RolloutSpec, waveOf } from "@mpo/core";
import type { DesiredDocument } from "@mpo/protocol";

/** A rollout as it lies in the store, and what was seen of it. */
export interface SeenRollout {
  readonly spec: RolloutSpec;
  record: RolloutRecord;
  readonly devices: Map<string, DeviceProgress>;
  /** When a wave's devices were first stored to be too many that failed, virtual milliseconds; by wave. */
  readonly crossedAtMs: Map<number, number>;
  /** Devices that have said that their change failed; and when they were too many of a wave. */
  readonly said: Set<string>;
  saidAtMs: number | undefined;
  /** Since when its record says something else of its devices than their parts. */
  miscountedSinceMs: number | undefined;
  /** When all waves had passed. */
  finishedAtMs: number | undefined;
  /** When it first left `running`. */
  haltedAtMs: number | undefined;
}

/** Whether too many of a running wave have failed, by the words of the file. */
export function noteJudgement(seen: SeenRollout, nowMs: number): void {
  const all = [...seen.devices.values()];
  const { wave } = seen.record.state;
  const members = all.filter((device) => device.wave === wave);
  const has = (...states: readonly DeviceProgress["state"][]): number =>
    members.filter(({ state }) => states.includes(state)).length;
  const [confirmed, failed] = [has("confirmed"), has("failed", "refused", "timed-out")];
  const open = has("pending", "in-progress", "rolling-back", "rolled-back");
  const success = waveOf(seen.spec, wave).success ?? seen.spec.success;
  const finished = confirmed + failed;
  const isBelow = finished >= seen.spec.minimumSample && confirmed / finished < success;
  const isCrossed = failed > Math.floor((finished + open) * (1 - success) + 1e-9) || isBelow;
  if (!isCrossed) seen.crossedAtMs.delete(wave);
  else if (!seen.crossedAtMs.has(wave)) seen.crossedAtMs.set(wave, nowMs);
}

/** What is wrong with the counts of a record, in words. */
export function miscount({ record, devices }: SeenRollout): string | undefined {
  const actual = [...devices.values()];
  for (const [wave, states] of record.counts.entries()) {
    for (const { state, devices: counted } of states) {
      const found = actual.filter((device) => device.wave === wave && device.state === state).length;
      if (found !== counted) return `wave ${wave + 1}: ${counted} ${state} are counted, ${found} are`;
    }
  }
  return undefined;
}

export function isSame(left: DesiredDocument, right: DesiredDocument | undefined): boolean {
  return JSON.stringify(left.rungs) === JSON.stringify(right?.rungs) && left.chosenRung === right?.chosenRung;
}
