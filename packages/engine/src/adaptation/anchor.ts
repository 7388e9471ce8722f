import { type MethodName, MpoError, REFERENCE_FILE } from "@mpo/core";
import { type Samples, samplesFrom } from "../training/batches.ts";
import { methodNamed } from "../window/method.ts";
import { predictedClasses } from "./evaluate.ts";
import { referencesIn } from "./read-trained-model.ts";
import { evaluationBatch, type RetrainContext } from "./retrain-context.ts";

const REFERENCE = "reference";
/** A few hundred are enough (Niu et al. 2022). */
const MOST_REFERENCES = 256;

/**
 * The reference samples beside a model as deployed, for a method with an anchor; undefined: it has none. Throws
 * `precondition-failed` where they are missing.
 */
export async function anchorReferences(method: MethodName, folder: string): Promise<Samples | undefined> {
  if (methodNamed(method).optimizer.anchor === undefined) return undefined;
  const references = await referencesIn(folder);
  if (typeof references === "string") throw noReferences(method, references);
  return references;
}

/**
 * Lets a method with an anchor know what matters to reference samples, by the weights that the worker holds: cross-entropy with the
 * classes that these name (Niu et al. 2022, equation 9). Other methods need nothing. Throws `precondition-failed` without samples.
 */
export async function takeAnchor({ worker, retraining, method, config, call }: RetrainContext): Promise<void> {
  if (method.optimizer.anchor === undefined) return;
  const { reference } = retraining;
  if (reference === undefined) throw noReferences(retraining.method, "there are none");
  const { images, count } = reference;
  // One effective batch is there at a time: beside the samples of the window, all of them may be more than there is room for.
  const batchSize = config.microBatch * config.accumulation;
  const batches = Math.max(1, Math.floor(Math.min(count, MOST_REFERENCES) / batchSize));
  for (let at = 0; at < batches; at++) {
    const some = samplesFrom({ images, count }, at * batchSize, batchSize);
    await worker.setSamples(REFERENCE, some, call);
    const evaluation = { samples: REFERENCE, batch: evaluationBatch(config), features: false };
    const { logits } = await worker.call("evaluate", evaluation, call);
    const labels = predictedClasses(logits, some.count);
    await worker.call("sameSamples", { name: REFERENCE, of: REFERENCE, count: some.count, labels }, call);
    await worker.call("takeImportance", { samples: REFERENCE, share: 1 / batches }, call);
  }
  // They are not needed any more: one takes the place of all.
  await worker.setSamples(REFERENCE, samplesFrom({ images, count }, 0, 1), call);
}

function noReferences(method: MethodName, why: string): MpoError {
  return new MpoError("precondition-failed", `${method} needs images from before any drift: ${why}`, {
    hint: `Put some beside the model, in ${REFERENCE_FILE}, or choose eta, which needs none.`,
  });
}
