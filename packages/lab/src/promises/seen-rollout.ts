import type { RolloutRecord } from "@mpo/coordinator/testing";
import { type DeviceProgress, type RolloutSpec, waveOf } from "@mpo/core";
import type { DesiredDocument, DocumentStatus } from "@mpo/protocol";

/** A rollout as it lies in the store, and what was seen of it. */
export interface SeenRollout {
  readonly spec: RolloutSpec;
  record: RolloutRecord;
  readonly devices: Map<string, DeviceProgress>;
  /** When a wave's devices were first stored to be too many that failed, virtual milliseconds; by wave. */
  readonly crossedAtMs: Map<number, number>;
  /** Whether a device's change was good, as it has said; and since when too many of a wave were not. */
  readonly said: Map<string, boolean>;
  saidAtMs: number | undefined;
  /** Since when its record says something else of its devices than their parts. */
  miscountedSinceMs: number | undefined;
  /** When all waves had passed. */
  finishedAtMs: number | undefined;
  /** When it first left `running`. */
  haltedAtMs: number | undefined;
}

/** Since when too many of the wave that runs are stored to have failed. */
export function noteJudgement(seen: SeenRollout, nowMs: number): void {
  const all = [...seen.devices.values()];
  const { wave } = seen.record.state;
  const members = all.filter((device) => device.wave === wave);
  const has = (...states: readonly DeviceProgress["state"][]): number =>
    members.filter(({ state }) => states.includes(state)).length;
  const [confirmed, failed] = [has("confirmed"), has("failed", "refused", "timed-out")];
  const open = has("pending", "in-progress", "rolling-back", "rolled-back");
  if (!isTooMany(seen.spec, wave, { confirmed, failed, open })) seen.crossedAtMs.delete(wave);
  else if (!seen.crossedAtMs.has(wave)) seen.crossedAtMs.set(wave, nowMs);
}

/** A coordinator has told a device that it knows what became of its change. */
export function noteSaid(seen: SeenRollout, device: string, state: DocumentStatus["state"], nowMs: number): void {
  const { spec, devices, said } = seen;
  const wave = devices.get(device)?.wave;
  const isFailed = state === "failed" || state === "refused";
  const isGood = state === "confirmed" || (state === "applied" && spec.confirm === "applied");
  // Who is tried again has not failed yet; and what is said later has halted nothing.
  if (seen.haltedAtMs !== undefined || wave === undefined || spec.retries > 0 || !(isFailed || isGood)) return;
  // A device that has once been good enough has had its turn.
  if (said.get(device) !== true) said.set(device, isGood);
  const members = [...devices.values()].filter((one) => one.wave === wave);
  const confirmed = members.filter((one) => said.get(one.device) === true).length;
  const failed = members.filter((one) => said.get(one.device) === false).length;
  const counts = { confirmed, failed, open: members.length - confirmed - failed };
  seen.saidAtMs = isTooMany(spec, wave, counts) ? (seen.saidAtMs ?? nowMs) : undefined;
}

/** Whether too many of a wave have failed, by the words of the file. */
function isTooMany(
  spec: RolloutSpec,
  wave: number,
  { confirmed, failed, open }: { readonly confirmed: number; readonly failed: number; readonly open: number },
): boolean {
  const success = waveOf(spec, wave).success ?? spec.success;
  const finished = confirmed + failed;
  if (failed > Math.floor((finished + open) * (1 - success) + 1e-9)) return true;
  return finished >= spec.minimumSample && confirmed / finished < success - 1e-9;
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
