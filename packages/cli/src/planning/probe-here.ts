import { given, type Profile } from "@mpo/core";
import {
  type MethodsTask,
  type ProbeBudget,
  type ProbeOptions,
  type ProbeTask,
  probe,
  probeMethods,
} from "@mpo/engine";
import type { Files, Output, Stop } from "../command-context.ts";
import { startProgress } from "../output/progress.ts";
import { deviceFacts } from "./device-facts.ts";

interface ProbeSettings {
  readonly seed: number;
  readonly threads?: number;
}

/** Probes a model on this machine, with a bar on the screen. */
export async function probeHere(
  task: Omit<ProbeTask, "device">,
  budget: ProbeBudget,
  settings: ProbeSettings,
  context: Files & Output & Stop,
): Promise<Profile> {
  return await shown(settings, context, (options) => probe({ ...task, device: deviceFacts() }, budget, options));
}

/** The same for several methods. */
export async function probeMethodsHere(
  task: Omit<MethodsTask, "device">,
  budget: ProbeBudget,
  settings: ProbeSettings,
  context: Files & Output & Stop,
): Promise<Profile> {
  return await shown(settings, context, (options) => probeMethods({ ...task, device: deviceFacts() }, budget, options));
}

async function shown<Result>(
  { seed, threads }: ProbeSettings,
  { terminal, environment, signal }: Files & Output & Stop,
  work: (options: ProbeOptions) => Promise<Result>,
): Promise<Result> {
  const progress = startProgress(terminal, "probing", 100);
  try {
    return await work({
      ...{ environment, signal, seed, ...given({ threads }) },
      onProgress: (what, share) => progress.update(Math.round(100 * share), what),
    });
  } finally {
    progress.end();
  }
}
