import {
  accumulationFor,
  type Checkpoints,
  type FreezingRates,
  given,
  MpoError,
  type RetrainConfig,
  resolveRetrainConfig,
} from "@mpo/core";
import type { Command } from "commander";
import { batchOption, listed, microBatchOption, numberBetween, wholeNumber, wholeNumbers } from "./parsers.ts";

/** The m-hyperparameters as they stand on the command line. */
export interface ConfigOptions {
  readonly batch: number;
  readonly microBatch?: number;
  readonly freeze?: number;
  readonly freezeFeatures?: number;
  readonly freezeNorm?: number;
  readonly freezeLinear?: number;
  readonly trainLayers?: readonly string[];
  readonly segments?: number;
  readonly checkpoints?: readonly number[];
}

/** Adds the options from which `configFrom` makes a config. A default batch in words is one that the command knows. */
export function addConfigOptions(command: Command, defaultBatch: number | string): Command {
  const rate = numberBetween(0, 1);
  return command
    .addOption(batchOption(defaultBatch))
    .addOption(microBatchOption())
    .option("--freeze <rate>", "share of layers that do not train, from the input side, 0 to 1 (default: 0)", rate)
    .option("--freeze-features <rate>", "the same for convolutions only (default: --freeze)", rate)
    .option("--freeze-norm <rate>", "the same for normalisation layers only (default: --freeze)", rate)
    .option("--freeze-linear <rate>", "the same for dense layers only (default: --freeze)", rate)
    .option(
      "--train-layers <names>",
      "of those, only these layers train, such as stem_conv,stem_norm (default: all)",
      listed((name) => name),
    )
    .option("--segments <k>", "checkpoints: k segments of equal unit count (default: 1)", wholeNumber(1, 10_000))
    .option("--checkpoints <units>", "checkpoints: keep the inputs of these units, such as 0,3,7", wholeNumbers(0));
}

/** The config that the options say. Throws `invalid-argument` where they contradict each other. */
export function configFrom(options: ConfigOptions): RetrainConfig {
  const microBatch = options.microBatch ?? options.batch;
  return resolveRetrainConfig({
    microBatch,
    accumulation: accumulationFor(options.batch, microBatch),
    freezing: freezingFrom(options),
    checkpoints: checkpointsFrom(options),
  });
}

/** Throws `invalid-argument` for more segments than the model has units: fewer would run than were asked for. */
export function requireSegments({ segments = 1 }: Pick<ConfigOptions, "segments">, unitCount: number): void {
  if (segments <= unitCount) return;
  throw new MpoError("invalid-argument", `--segments ${segments}: the model has ${unitCount} units`, {
    hint: `Give 1 to ${unitCount}.`,
  });
}

function freezingFrom(options: ConfigOptions): FreezingRates {
  const { freeze = 0, freezeFeatures, freezeNorm, freezeLinear, trainLayers: onlyLayers } = options;
  return {
    featureExtraction: freezeFeatures ?? freeze,
    normalisation: freezeNorm ?? freeze,
    linear: freezeLinear ?? freeze,
    ...given({ onlyLayers }),
  };
}

function checkpointsFrom({ segments, checkpoints }: ConfigOptions): Checkpoints {
  if (segments !== undefined && checkpoints !== undefined) {
    throw new MpoError("invalid-argument", "--segments and --checkpoints both set the checkpoints", {
      hint: "Give one of them.",
    });
  }
  if (checkpoints !== undefined) return { kind: "boundaries", at: checkpoints };
  return segments === undefined || segments === 1 ? { kind: "none" } : { kind: "uniform", segments };
}
