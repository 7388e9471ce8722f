import { given, type Profile } from "@mpo/core";
import { type ProbeBudget, type ProbeTask, probe } from "@mpo/engine";
import type { Files, Output, Stop } from "../command-context.ts";
import { startProgress } from "../output/progress.ts";
import { deviceFacts } from "./device-facts.ts";

/** Probes a model on this machine, with a bar on the screen. */
export async function probeHere(
  task: Omit<ProbeTask, "device">,
  budget: ProbeBudget,
  { seed, threads }: { readonly seed: number; readonly threads?: number },
  { terminal, environment, signal }: Files & Output & Stop,
): Promise<Profile> {
  const progress = startProgress(terminal, "probing", 100);
  try {
    return await probe({ ...task, device: deviceFacts() }, budget, {
      ...{ environment, signal, seed, ...given({ threads }) },
      onProgress: (what, share) => progress.update(Math.round(100 * share), what),
    });
  } finally {
    progress.end();
  }
}
