import type { CorruptionName } from "@mpo/datasets";

/** A device of the demo: what it has, and what happens to its inputs. */
export interface DemoDevice {
  readonly name: string;
  /** Memory that its agent behaves as having, as `mpo agent --memory-limit` takes it. */
  readonly memory: string;
  readonly corruption: CorruptionName;
}

const DEVICES: readonly DemoDevice[] = [
  { name: "small", memory: "640MiB", corruption: "gaussian_noise" },
  { name: "medium", memory: "704MiB", corruption: "snow" },
  { name: "large", memory: "1GiB", corruption: "brightness" },
];

export const DEMO_DEVICE_NAMES: readonly string[] = DEVICES.map(({ name }) => name);

/** Those of these names, in the order of their size. */
export function demoDevices(names: readonly string[]): readonly DemoDevice[] {
  return DEVICES.filter(({ name }) => names.includes(name));
}
