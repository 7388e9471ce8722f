import { LAYER_CLASSES } from "./chain.ts";
import type { Checkpoints, FreezingRates, RetrainConfig } from "./retrain-config.ts";

/** A config in one line, for messages and tables: `micro-batch 8 x 32, freezing 0.5/0.5/0, optimal checkpoints (6)`. */
export function describeConfig({ microBatch, accumulation, freezing, checkpoints }: RetrainConfig): string {
  return `micro-batch ${microBatch} x ${accumulation}, ${describeFreezing(freezing)}, ${describeCheckpoints(checkpoints)}`;
}

function describeFreezing(freezing: FreezingRates): string {
  const rates = LAYER_CLASSES.map((layerClass) => freezing[layerClass]);
  return rates.every((rate) => rate === 0) ? "nothing frozen" : `freezing ${rates.join("/")}`;
}

function describeCheckpoints(checkpoints: Checkpoints): string {
  switch (checkpoints.kind) {
    case "none":
      return "no checkpoints";
    case "uniform":
      return `${checkpoints.segments} uniform segments`;
    case "boundaries":
      return `checkpoints at ${checkpoints.at.join(", ")}`;
    case "schedule": {
      const kept = checkpoints.actions.filter((action) => action.kind === "forward" && action.keep === "input");
      return `optimal checkpoints (${kept.length})`;
    }
  }
}
