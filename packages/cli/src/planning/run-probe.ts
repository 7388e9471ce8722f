import { type Profile, relativeSpread, SECOND_MS } from "@mpo/core";
import { probe } from "@mpo/engine";
import type { CommandContext } from "../command-context.ts";
import { formatBytes, formatDuration, formatShare } from "../output/format.ts";
import { startProgress } from "../output/progress.ts";
import { checkOutput } from "./check-output.ts";
import { deviceFacts } from "./device-facts.ts";
import { writeProfileDocument } from "./profile-document.ts";
import { loadSubject, methodNamed, type SubjectOptions } from "./subject.ts";
import { type TaskOptions, taskSamples } from "./task-samples.ts";

/** The options of `mpo probe`. */
export interface ProbeCommandOptions extends SubjectOptions, TaskOptions {
  readonly method: string;
  readonly batch: number;
  readonly budget: number;
  readonly memory?: number;
  readonly floor?: number;
  readonly threads?: number;
  readonly output: string;
}

/** Measures a model on this machine and writes its profile. Nothing is written when the probe fails. */
export async function runProbe(options: ProbeCommandOptions, context: CommandContext): Promise<void> {
  const { terminal, environment, signal } = context;
  const method = methodNamed(options.method);
  await checkOutput("--output", options.output, context.workingFolder);
  const model = await loadSubject(options, context);
  const samples = await taskSamples(options, model, context);
  const progress = startProgress(terminal, "probing", 100);
  let profile: Profile;
  try {
    profile = await probe(
      {
        model,
        method,
        effectiveBatch: options.batch,
        device: deviceFacts(),
        ...(samples === undefined ? {} : { samples }),
      },
      {
        maxMs: options.budget,
        ...(options.memory === undefined ? {} : { memoryBytes: options.memory }),
        ...(options.floor === undefined ? {} : { leastAvailableBytes: options.floor }),
      },
      {
        environment,
        signal,
        seed: options.seed,
        ...(options.threads === undefined ? {} : { threads: options.threads }),
        onProgress: (what, share) => progress.update(Math.round(100 * share), what),
      },
    );
  } finally {
    progress.end();
  }
  await writeProfileDocument(options.output, { profile, graph: model.graph }, context);
  print(profile, options.output, context);
}

function print(profile: Profile, output: string, { terminal }: CommandContext): void {
  const { spent, steps, unitTimes, accuracy, idleBytes, model } = profile;
  const timeSpread = Math.max(...steps.map(({ msPerStep }) => relativeSpread(msPerStep)));
  terminal.record({
    event: "probed",
    output,
    model,
    device: profile.device,
    software: profile.software,
    spent,
    idleBytes,
    unitTimes: unitTimes.length,
    steps: steps.length,
    curves: accuracy.length,
    timeSpread,
  });
  terminal.line(
    `${model.name}: ${model.unitCount} units timed, ${steps.length} whole steps and ${accuracy.length} learning curves ` +
      `measured in ${formatDuration(spent.ms / SECOND_MS)}; times of one step differ by ${formatShare(timeSpread)} at most`,
  );
  terminal.line(`idle ${formatBytes(idleBytes)}, at most ${formatBytes(spent.peakBytes)} in any process`);
  if (spent.othersCpuShare !== undefined) {
    terminal.line(`other programs took ${formatShare(spent.othersCpuShare)} of the processor meanwhile`);
  }
  terminal.line(`the profile is in ${output}`);
}
