import { rm } from "node:fs/promises";
import { given, MpoError } from "@mpo/core";
import { type InputForm, type PictureForm, readClassNames } from "@mpo/datasets";
import {
  anchorReferences,
  cardOf,
  checkInput,
  describeInputForm,
  inputOf,
  type Model,
  methodNamed,
  normalisationOf,
  pictureFormOf,
  type RungResult,
  retrainedCard,
  STOP_WORDS,
  trainRung,
  withNormalisation,
  writeModel,
  writeModelCard,
} from "@mpo/engine";
import { withDeadline } from "@mpo/io";
import type { RetrainJob, RetrainOutcome } from "../ports/agent-engine.ts";
import { type JobContext, OOM_SCORE_ADJUST } from "./job-context.ts";
import { readJobModel, sourceWeights } from "./job-model.ts";
import { readTrainingInputs } from "./training-inputs.ts";

const MAX_INPUTS = 2_048;
const RESET_WORDS = "; from the weights as deployed, which fit its inputs better than what served";

/** Retrains a model on recent inputs within memory and time; writes it to the staging folder when it is not worse. */
export async function runRetrainJob(job: RetrainJob, context: JobContext): Promise<RetrainOutcome> {
  const began = performance.now();
  const { loss: method } = methodNamed(job.method);
  const { rung, memoryBytes, seed, stagingFolder } = job;
  const { environment, onProgress } = context;
  const work = async (signal: AbortSignal): Promise<RetrainOutcome> => {
    const { model } = await readJobModel(job, [method], true, { environment, signal });
    const inputs = await readTrainingInputs(job.inputFiles, picturesFor(model), MAX_INPUTS);
    const { likely } = checkInput(model, inputs.samples);
    const { start, problem } = startOf(model, job.start);
    const source = await sourceWeights(job, model, { signal });
    const reference = await anchorReferences(method, job.sourceFolder);
    const maxMs = began + job.maxMs - performance.now();
    const {
      weights,
      stopped,
      epochs,
      idleBytes,
      trainingMs,
      isFromStart,
      isReset,
      share: _share,
      ...outcome
    } = await trainRung(
      { ...{ model, method, rung, memoryBytes, seed, maxMs, start, source, reference, isLastUse: true }, ...inputs },
      { environment, oomScoreAdjust: OOM_SCORE_ADJUST, signal, onProgress },
    );
    if (outcome.isAccepted) await writeStaged(job, { ...model, weights }, outcome, signal);
    const normalisation = outcome.isAccepted ? normalisationOf({ graph: model.graph, weights }) : undefined;
    return {
      ...outcome,
      reason: `${outcome.reason}; ${STOP_WORDS[stopped]}${isReset ? RESET_WORDS : ""}${problem}${likely === undefined ? "" : doubtOf(likely)}`,
      overheadMs: performance.now() - began - trainingMs,
      ...(outcome.isAccepted ? { stagedFolder: stagingFolder } : {}),
      ...(job.start === undefined ? {} : { isFromStart }),
      ...given({ normalisation }),
    };
  };
  return await withDeadline("the window", job.maxMs, work, context).catch(async (thrown: unknown) => {
    await rm(stagingFolder, { recursive: true, force: true });
    throw thrown;
  });
}

/** The weights that another device's normalisation makes of the model's; what does not fit it is no reason not to train. */
function startOf(
  model: Model,
  normalisation: Uint8Array | undefined,
): { readonly start: Model["weights"] | undefined; readonly problem: string } {
  try {
    const start = normalisation && withNormalisation(model, normalisation);
    return { start, problem: "" };
  } catch (thrown) {
    return {
      start: undefined,
      problem: `; not from what was learned of a like drift: ${MpoError.from(thrown).message}`,
    };
  }
}

/** What a wrong statement of the input does to accuracy, no training mends. */
function doubtOf(likely: InputForm): string {
  return `; but the model was likely trained on images of ${describeInputForm(likely)}: state its input in its card`;
}

async function writeStaged(
  { stagingFolder, sourceFolder, method, seed }: RetrainJob,
  model: Model,
  outcome: Pick<RungResult, "config" | "steps" | "judgement" | "accuracyBefore" | "accuracyAfter">,
  signal: AbortSignal,
): Promise<void> {
  const card = retrainedCard(await cardOf(sourceFolder, { signal }), model.graph, {
    ...{ ...outcome, from: sourceFolder, method, seed, command: "mpo agent" },
    images: "recent inputs of the device",
    accuracy: { corruptions: {} },
    classNames: (await readClassNames(sourceFolder, { signal })) ?? model.onnx?.classNames,
  });
  await rm(stagingFolder, { recursive: true, force: true });
  await writeModel(model, stagingFolder, { signal });
  await writeModelCard(stagingFolder, card, { signal });
}

/** The pictures that a model takes. Throws `unsupported` for one that takes no images. */
export function picturesFor({ graph }: Model): PictureForm {
  const form = pictureFormOf(graph);
  if (form !== undefined) return form;
  throw new MpoError("unsupported", `the model takes inputs of ${inputOf(graph).shape.join("x")}; expected images`);
}
