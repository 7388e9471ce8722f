import { bytesAt, type Chain, type StepMemoryFacts } from "@mpo/core";
import { LOSS_WORK_TENSORS } from "../losses/loss.ts";
import { slotNames } from "../losses/optimizer.ts";
import type { TrainingSetup } from "../training/task.ts";

/** What optimizer and loss add to a step's memory. */
export function stepMemoryFacts(chain: Chain, setup: Pick<TrainingSetup, "loss" | "optimizer">): StepMemoryFacts {
  const logits = chain.values[chain.output];
  const logitBytes = logits === undefined ? 0 : bytesAt(logits.bytes, 1);
  return {
    slotsPerParameter: slotNames(setup.optimizer).length,
    lossWorkBytesPerSample: LOSS_WORK_TENSORS[setup.loss] * logitBytes,
  };
}
