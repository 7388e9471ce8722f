import { LAYER_CLASSES } from "./layer-classes.ts";
import type { Prediction } from "./prediction.ts";
import type { Checkpoints, FreezingRates, RetrainConfig } from "./retrain-config.ts";

/** A config in one line, for messages and tables: `32 micro-batches of 8, frozen: 50 % of convolutions, 6 checkpoints`. */
export function describeConfig({ microBatch, accumulation, freezing, checkpoints }: RetrainConfig): string {
  const batches = accumulation === 1 ? `batches of ${microBatch}` : `${accumulation} micro-batches of ${microBatch}`;
  return `${batches}, ${describeFreezing(freezing)}, ${describeCheckpoints(checkpoints)}`;
}

/** The same for a rung, after its method where it says one: `eta, batches of 64, nothing frozen, nothing recomputed`. */
export function describeRung({ config, method }: Pick<Prediction, "config" | "method">): string {
  return method === undefined ? describeConfig(config) : `${method}, ${describeConfig(config)}`;
}

const CLASS_WORDS = {
  featureExtraction: "convolutions",
  normalisation: "norm layers",
  linear: "dense layers",
} as const;

/** Names of layers that are listed before the rest are counted. */
const LISTED_LAYERS = 3;

/** What does not train, in a few words: `frozen: 50 % of convolutions`, `training only stem_conv and 4 other layers`. */
export function describeFreezing({ onlyLayers, ...rates }: FreezingRates): string {
  if (onlyLayers === undefined) return describeRates(rates);
  const only = `training only ${describeLayers(onlyLayers)}`;
  return LAYER_CLASSES.every((layerClass) => rates[layerClass] === 0) ? only : `${only}, ${describeRates(rates)}`;
}

function describeLayers(names: readonly string[]): string {
  if (names.length <= LISTED_LAYERS) return names.join(" and ");
  return `${names[0]} and ${names.length - 1} other layers`;
}

function describeRates(freezing: Omit<FreezingRates, "onlyLayers">): string {
  const [first] = LAYER_CLASSES.map((layerClass) => freezing[layerClass]);
  if (LAYER_CLASSES.every((layerClass) => freezing[layerClass] === first)) {
    return first === 0 ? "nothing frozen" : `frozen: ${shareOf(first ?? 0, "layers")}`;
  }
  const frozen = LAYER_CLASSES.filter((layerClass) => freezing[layerClass] > 0);
  return `frozen: ${frozen.map((layerClass) => shareOf(freezing[layerClass], CLASS_WORDS[layerClass])).join(" and ")}`;
}

function shareOf(rate: number, what: string): string {
  return rate === 1 ? `all ${what}` : `${Math.round(100 * rate)} % of ${what}`;
}

function describeCheckpoints(checkpoints: Checkpoints): string {
  switch (checkpoints.kind) {
    case "none":
      return "nothing recomputed";
    case "uniform":
      return `recomputed in ${checkpoints.segments} equal segments`;
    case "boundaries":
      return `recomputed from units ${checkpoints.at.join(", ")}`;
    case "schedule": {
      const kept = checkpoints.actions.filter((action) => action.kind === "forward" && action.keep === "input");
      return `recomputed from ${kept.length} ${kept.length === 1 ? "checkpoint" : "checkpoints"}`;
    }
  }
}
