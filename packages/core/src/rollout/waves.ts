import { MpoError } from "../facts/index.ts";
import type { RolloutSpec, WaveSpec } from "./spec.ts";

/** The waves of a rollout, with names of devices in the order of their turn. */
export interface DividedDevices {
  /** As many as the file names, and one more where devices are left. */
  readonly waves: readonly (readonly string[])[];
  /** The control group. */
  readonly control: readonly string[];
}

/** Which of the devices a wave may have, by the wave's `where`. */
export type WaveFilter = (device: string, wave: WaveSpec) => boolean;

/**
 * Divides devices into waves, in an order that depends on the seed and their names alone: who is in which wave can be
 * shown before it begins, and is the same again. The control group is taken evenly from all. Throws `invalid-argument`
 * with all waves that would be empty.
 */
export function divideDevices(
  spec: Pick<RolloutSpec, "name" | "seed" | "waves" | "control">,
  devices: readonly string[],
  isIn: WaveFilter,
): DividedDevices {
  const order = stableOrder(devices, spec.seed ?? spec.name);
  // Who asks for a control group gets one, of a few devices too.
  const controls = Math.max(spec.control > 0 ? 1 : 0, Math.round(spec.control * order.length));
  const control = order.slice(order.length - controls);
  let left = order.slice(0, order.length - controls);
  const total = left.length;
  const faults: string[] = [];
  const waves = spec.waves.map((wave, index) => {
    const fitting = left.filter((device) => isIn(device, wave));
    const most = mostOf(wave, total, total - left.length);
    const chosen = fitting.slice(0, most);
    if (chosen.length === 0) faults.push(emptyWave(index, wave, { all: order.filter((one) => isIn(one, wave)), left }));
    const members = new Set(chosen);
    left = left.filter((device) => !members.has(device));
    return chosen;
  });
  if (total === 0) faults.push("no device is left to be changed");
  if (faults.length > 0) {
    throw new MpoError("invalid-argument", faults.join("; "), {
      hint: "Change the waves, or which devices are meant.",
    });
  }
  return { waves: left.length > 0 ? [...waves, left] : waves, control };
}

function mostOf({ count, percent }: WaveSpec, total: number, before: number): number {
  if (percent !== undefined) return Math.max(0, Math.ceil(percent * total - 1e-9) - before);
  return count ?? Number.POSITIVE_INFINITY;
}

function emptyWave(
  index: number,
  { where, percent }: WaveSpec,
  { all, left }: { readonly all: readonly string[]; readonly left: readonly string[] },
): string {
  const wave = `wave ${index + 1} has no devices`;
  if (all.length === 0) return `${wave}: none is selected by ${where}`;
  if (!all.some((device) => left.includes(device)))
    return `${wave}: all ${all.length} that it selects are in waves before it, or in the control group`;
  return percent === undefined ? wave : `${wave}: the waves before it have ${percent * 100}% already`;
}

/** Devices in the order of a hash of the seed and their names. */
export function stableOrder(devices: readonly string[], seed: string): readonly string[] {
  return devices
    .map((device) => ({ device, place: hashOf(`${seed} ${device}`) }))
    .sort((left, right) => left.place - right.place || (left.device < right.device ? -1 : 1))
    .map(({ device }) => device);
}

/** FNV-1a, with MurmurHash3's last step, which spreads names that differ in their last letter: 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
