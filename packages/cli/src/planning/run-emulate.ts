import { describeConfig, plannerOf } from "@mpo/core";
import { ENGINE_VERSION } from "@mpo/engine";
import type { CommandContext } from "../command-context.ts";
import { type ConfigOptions, configFrom } from "../options/config-options.ts";
import { formatBytes, formatShare } from "../output/format.ts";
import { noteOtherDevice } from "./device-facts.ts";
import { readProfileDocument } from "./profile-document.ts";

/** The options of `mpo emulate`. */
export interface EmulateOptions extends Omit<ConfigOptions, "batch"> {
  /** Default: the profile's. */
  readonly batch?: number;
  /** Milliseconds. */
  readonly window?: number;
}

/** Predicts one config from a profile, without running it. */
export async function runEmulate(path: string, options: EmulateOptions, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const document = await readProfileDocument(path, context, { engine: ENGINE_VERSION });
  noteOtherDevice(document.profile, terminal);
  const { effectiveBatch, idleBytes } = document.profile;
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
    terminal.line(
      `accuracy after ${Math.round(gained.steps)} of ${steps} steps: ${formatShare(gained.expected)} ` +
        `(${formatShare(gained.lower)} to ${formatShare(gained.upper)})`,
    );
  }
  for (const unknown of unknowns) terminal.line(`not known: ${unknown}`);
}
