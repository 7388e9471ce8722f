import { access } from "node:fs/promises";
import { join } from "node:path";
import { describeConfig, type Fact, given, MpoError } from "@mpo/core";
import { MODEL_CARD_FILE, modelFolder, readJsonBeside, statementSchema } from "@mpo/datasets";
import { type Abortable, fileError, ifFound, writeJsonFile } from "@mpo/io";
import { z } from "zod";
import type { RetrainResult } from "../adaptation/retrain.ts";
import { MODEL_FILE_MODE } from "./layers-format/write-layers-model.ts";
import type { ModelGraph } from "./model-graph.ts";
import { headOf } from "./model-head.ts";
import { inputOf } from "./stated-input.ts";
import { NORM_NAMES } from "./zoo/zoo-layers.ts";

const share = z.number().min(0).max(1);
const whole = z.number().int().positive();

/** Where a retrained model comes from, and what the retraining gained. */
export type RetrainingCard = Fact<typeof retrainingSchema>;
const retrainingSchema = z.object({
  /** Folder of the model that was retrained. */
  from: z.string(),
  /** What its card says of how it was trained. */
  fromCommand: z.string().optional(),
  method: z.string(),
  /** In words. */
  config: z.string(),
  /** What it was adapted to: the corruption and its severity, or a device's recent inputs. */
  images: z.string(),
  steps: z.number().int().min(0),
  /** Who judged the accuracies below: labels, or an estimate without labels. */
  judgement: z.enum(["labels", "label-free"]).optional(),
  accuracyBefore: share.optional(),
  accuracyAfter: share.optional(),
});

/** Where a stored model comes from and what it can do. */
export type ModelCard = Fact<typeof schema>;
const schema = z.object({
  /** Name in the zoo, or of an imported model. */
  model: z.string().min(1),
  norm: z.enum(NORM_NAMES),
  inputShape: z.array(whole).min(1),
  input: statementSchema.shape.input,
  classes: whole,
  classNames: statementSchema.shape.classNames,
  /** The command that trained it, so that anyone can do it again. */
  trainingCommand: z.string(),
  seed: z.number().int(),
  /**
   * Shares of test images classified rightly, 0 to 1: on clean ones, where that was measured; by name of the corruption
   * (for example `gaussian_noise`), the mean over the severities that were measured.
   */
  accuracy: z.object({ clean: share.optional(), corruptions: z.record(z.string(), share) }),
  /** How it came from another model; absent: it was trained from scratch. */
  retrained: retrainingSchema.optional(),
});

/** Reads the card of a model (its folder or file). Throws `not-found`, `invalid-data` naming the place, `cancelled`. */
export async function readModelCard(model: string, options: Abortable = {}): Promise<ModelCard> {
  const card = await readJsonBeside(schema, model, MODEL_CARD_FILE, options);
  if (card === undefined) throw new MpoError("not-found", `${model} has no ${MODEL_CARD_FILE}`);
  return card;
}

/** Writes the card of the model in a folder, in one step. Throws `invalid-argument`, `not-found`, `cancelled`. */
export async function writeModelCard(folder: string, card: ModelCard, options: Abortable = {}): Promise<void> {
  const result = schema.safeParse(card);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new MpoError("invalid-argument", `model card: at ${issue?.path.join(".")}: ${issue?.message}`);
  }
  // A card is useless without its model, so the folder is not created.
  await access(folder).catch((thrown: unknown) => {
    throw fileError(thrown, "write the card in", folder);
  });
  await writeJsonFile(join(folder, MODEL_CARD_FILE), result.data, { ...options, mode: MODEL_FILE_MODE });
}

/**
 * Gives a model, or the copy of it in another folder, its card with what the graph takes, and the names of its classes if
 * they are given. What else the card says stays; where there is none, it says only this. Throws as `readModelCard` and
 * `writeModelCard` do.
 */
export async function copyCard(
  from: string,
  to: string,
  { graph, classNames }: { readonly graph: ModelGraph; readonly classNames?: readonly string[] | undefined },
  options: Abortable = {},
): Promise<void> {
  const card = await readJsonBeside(z.looseObject({}), from, MODEL_CARD_FILE, options);
  const { shape: inputShape, form: input } = inputOf(graph);
  const path = join(await modelFolder(to), MODEL_CARD_FILE);
  const stated = { ...card, inputShape, ...given({ input, classNames }) };
  await writeJsonFile(path, stated, { ...options, mode: MODEL_FILE_MODE });
}

/** What a retraining says of itself. */
export interface RetrainingFacts
  extends Pick<RetrainResult, "config" | "steps" | "accuracyBefore" | "accuracyAfter">,
    Pick<RetrainingCard, "from" | "method" | "images" | "judgement"> {
  readonly command: string;
  readonly seed: number;
  readonly accuracy: ModelCard["accuracy"];
  /** Names of its source's classes (`readClassNames`). */
  readonly classNames?: readonly string[] | undefined;
}

/** The card of a retrained model: what it is comes from its source's card, its origin and accuracy from the retraining. */
export function retrainedCard(source: ModelCard | undefined, graph: ModelGraph, facts: RetrainingFacts): ModelCard {
  const { command, seed, accuracy, config, classNames, ...rest } = facts;
  const { from, method, images, steps, judgement, accuracyBefore, accuracyAfter } = rest;
  const { shape, form: input } = inputOf(graph);
  const norm = graph.nodes.some(({ kind }) => kind === "batchNorm") ? "batch" : "group";
  const fromCommand = source?.trainingCommand;
  return {
    model: source?.model ?? graph.name,
    norm: source?.norm ?? norm,
    inputShape: [...shape],
    classes: headOf(graph).classes,
    ...given({ input }),
    ...(classNames === undefined ? {} : { classNames: [...classNames] }),
    trainingCommand: command,
    seed,
    accuracy,
    retrained: {
      ...{ from, method, images, steps, config: describeConfig(config) },
      ...given({ fromCommand, judgement, accuracyBefore, accuracyAfter }),
    },
  };
}

/** Reads the card of a model; undefined: it has none that says all that a card can. */
export async function cardOf(model: string, options: Abortable = {}): Promise<ModelCard | undefined> {
  return await ifFound(readModelCard(model, options), "invalid-data");
}
