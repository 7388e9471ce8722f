import {
  formatBytes,
  formatDuration,
  formatShare,
  given,
  METHOD_NAMES,
  type MethodName,
  type Profile,
  relativeSpread,
  SECOND_MS,
} from "@mpo/core";
import type { Command } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { withNormsOf } from "../data/norms-of.ts";
import { choice } from "../options/choice.ts";
import { addDriftOptions, DATASET_NAMES, dataOption } from "../options/dataset-options.ts";
import { batchOption, durationOption, sizeInBytes, threadsOption, wholeNumber } from "../options/parsers.ts";
import { addSubjectOptions } from "../options/subject-options.ts";
import { checkOutput, type ForceOption, forceOption } from "../planning/check-output.ts";
import { probeHere } from "../planning/probe-here.ts";
import { probeHint } from "../planning/probe-hint.ts";
import { writeProfileDocument } from "../planning/profile-document.ts";
import { loadSubject, type SubjectOptions } from "../planning/subject.ts";
import { type TaskOptions, taskSamples } from "../planning/task-samples.ts";

interface ProbeOptions extends SubjectOptions, TaskOptions, ForceOption {
  readonly method: MethodName;
  readonly batch: number;
  readonly probeTime: number;
  readonly memory?: number;
  readonly floor?: number;
  readonly threads?: number;
  readonly output: string;
}

export function define(command: Command, context: CommandContext): void {
  addSubjectOptions(command)
    .requiredOption("-o, --output <file>", "where the profile goes")
    .addOption(forceOption())
    .addOption(choice("--method <name>", "how it will be retrained", METHOD_NAMES, "tent"))
    .addOption(batchOption(256))
    .addOption(durationOption("--probe-time <duration>", "time that the probe may take", "20s"))
    .option("--memory <size>", "what its steps may add to an idle process; a hard limit", sizeInBytes)
    .option("--floor <size>", "stop when the system's free memory falls below (default: 256MiB)", sizeInBytes)
    .addOption(choice("--dataset <name>", "images to learn from (default: random numbers)", DATASET_NAMES))
    .addOption(dataOption());
  addDriftOptions(command, "clean")
    .option("--samples <n>", "images to adapt to in micro-windows", wholeNumber(1), 512)
    .option("--judge-samples <n>", "other images on which micro-windows are judged", wholeNumber(1), 512)
    .option("--labels", "judge micro-windows by labels, which a device seldom has", false)
    .option("--seed <n>", "decides weights, samples and configs", wholeNumber(0), 1)
    .addOption(threadsOption())
    .action((options: ProbeOptions) => probeModel(options, context));
}

/** Measures a model on this machine and writes its profile. Nothing is written when the probe fails. */
async function probeModel(options: ProbeOptions, context: Files & Output & Stop): Promise<void> {
  await checkOutput("--output", options.output, { ...context, ...options });
  const loaded = await loadSubject(options, context);
  const { samples, references } = (await taskSamples(options, loaded, context)) ?? {};
  const model = await withNormsOf(loaded, options.method, references, context);
  const profile = await probeHere(
    { model, method: options.method, effectiveBatch: options.batch, ...given({ samples }) },
    { maxMs: options.probeTime, ...given({ memoryBytes: options.memory, leastAvailableBytes: options.floor }) },
    options,
    context,
  );
  await writeProfileDocument(options.output, { profile, graph: model.graph }, context);
  print(profile, samples !== undefined, options.output, context);
}

function print(profile: Profile, isTaught: boolean, output: string, { terminal }: Output): void {
  const { spent, steps, unitTimes, accuracy, idleBytes, model } = profile;
  const timeSpread = Math.max(...steps.map(({ stepMs }) => relativeSpread(stepMs)));
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
  const hint = probeHint(steps.length, !isTaught || accuracy.length > 0);
  if (hint !== undefined) terminal.line(hint);
  terminal.line(`the profile is in ${output}`);
}
