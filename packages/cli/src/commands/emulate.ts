import { describeConfig, formatAccuracy, formatBytes, plannerOf } from "@mpo/core";
import { ENGINE_VERSION } from "@mpo/engine";
import type { Command } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { addConfigOptions, type ConfigOptions, configFrom, requireSegments } from "../options/config-options.ts";
import { durationInMs } from "../options/parsers.ts";
import { noteOtherDevice } from "../planning/device-facts.ts";
import { isTelling, probeHint } from "../planning/probe-hint.ts";
import { readProfileDocument } from "../planning/profile-document.ts";

interface EmulateOptions extends Omit<ConfigOptions, "batch"> {
  /** Default: the profile's. */
  readonly batch?: number;
  /** Milliseconds. */
  readonly window?: number;
}

export function define(command: Command, context: CommandContext): void {
  addConfigOptions(command.argument("<profile>", "what `mpo probe` wrote"), "the profile's")
    .option("--window <duration>", "predict the accuracy after so much training, such as 60s", durationInMs)
    .action((path: string, options: EmulateOptions) => emulate(path, options, context));
}

/** Predicts one config from a profile, without running it. */
async function emulate(path: string, options: EmulateOptions, context: Files & Output & Stop): Promise<void> {
  const { terminal } = context;
  const document = await readProfileDocument(path, context, { engine: ENGINE_VERSION });
  noteOtherDevice(document.profile, context);
  const { effectiveBatch, idleBytes } = document.profile;
  requireSegments(options, document.chain.units.length);
  const config = configFrom({ ...options, batch: options.batch ?? effectiveBatch });
  const { costs, accuracy } = plannerOf(document.profile, document.chain);
  const predicted = costs.predict(config);
  const { memoryBytes, stepMs, unknowns } = predicted;
  const steps = options.window === undefined ? undefined : Math.floor(options.window / stepMs.expected);
  const gained = steps === undefined ? undefined : accuracy.predict(config.freezing, config.microBatch, steps);
  terminal.record({ event: "emulated", config, ...predicted, idleBytes, steps, accuracy: gained });
  terminal.line(describeConfig(config));
  terminal.line(
    `memory above idle ${formatBytes(memoryBytes.expected)}, at most ${formatBytes(memoryBytes.upper)} ` +
      `(idle ${formatBytes(idleBytes)})`,
  );
  terminal.line(`time of a step ${stepMs.expected.toFixed(1)} ms, at most ${stepMs.upper.toFixed(1)} ms`);
  if (gained !== undefined) {
    terminal.line(`accuracy after ${Math.round(gained.steps)} of ${steps} steps: ${formatAccuracy(gained)}`);
  }
  for (const unknown of unknowns) terminal.line(`not known: ${unknown}`);
  const hint = probeHint(document.profile.steps.length, gained === undefined || isTelling(gained));
  if (hint !== undefined) terminal.line(hint);
}
