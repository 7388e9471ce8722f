import { formatShare } from "@mpo/core";
import { CORRUPTION_NAMES, type CorruptionOptions, corrupt, type ImageSet, type Severity } from "@mpo/datasets";
import { type EngineWorker, evaluateAccuracy } from "@mpo/engine";
import type { Output, Stop } from "../command-context.ts";
import { startProgress } from "../output/progress.ts";
import { samplesOf } from "./drifted-samples.ts";

const SEVERITY: Severity = 5;
const SEED = 0;

/** Accuracy of the worker's model on the test images under each of the 15 corruptions at severity 5. */
export async function measureCorruptions(
  worker: EngineWorker,
  test: ImageSet,
  damage: CorruptionOptions,
  { terminal, signal }: Output & Stop,
): Promise<Readonly<Record<string, number>>> {
  const accuracies: Record<string, number> = {};
  const progress = startProgress(terminal, "corruptions", CORRUPTION_NAMES.length);
  try {
    for (const [index, name] of CORRUPTION_NAMES.entries()) {
      const damaged = await corrupt(test, name, SEVERITY, SEED, damage);
      const accuracy = await evaluateAccuracy(worker, samplesOf(damaged), { signal });
      accuracies[name] = accuracy;
      progress.update(index + 1, name);
      progress.note(`${name}: accuracy ${formatShare(accuracy)}`);
    }
    return accuracies;
  } finally {
    progress.end();
  }
}
