import { arch, availableParallelism, hostname, totalmem } from "node:os";
import type { Profile } from "@mpo/core";
import { GIB } from "@mpo/core";
import type { Output } from "../command-context.ts";

/** Who measures: this machine's name, and the class of machines like it (architecture, cores, memory). */
export function deviceFacts(): { readonly id: string; readonly class: string } {
  const gibibytes = totalmem() / GIB;
  // Memory as it is sold: the kernel keeps a part.
  const sold = gibibytes <= 1 ? 1 : Math.ceil(gibibytes / 2) * 2;
  return { id: hostname(), class: `${arch()}-${availableParallelism()}c-${sold}g` };
}

/** Says so when a profile was measured on another class of device than this machine's: its numbers are not of here. */
export function noteOtherDevice({ device }: Profile, { terminal }: Output): void {
  const here = deviceFacts().class;
  if (device.class === here) return;
  terminal.note(`note: the profile is of ${device.id}, a ${device.class}; this machine is a ${here}`);
}
