import { existsSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import { MpoError } from "@mpo/core";
import { MODEL_CARD_FILE, readTextEmbeddings } from "@mpo/datasets";
import {
  copyCard,
  exportOnnx,
  type FormName,
  headOf,
  inputOf,
  type Model,
  type ModelName,
  type Naming,
  readSafetensors,
  withTextClasses,
  writeKerasFile,
  writeLayersModel,
  writeSafetensors,
} from "@mpo/engine";
import type { Files, Output, Stop } from "../command-context.ts";
import { classNamesOf, loadModel, sayAssumed } from "../data/load-model.ts";
import { type InputOptions, takenInWords, withInputOptions } from "../options/input-options.ts";
import { checkModelOutput } from "../planning/check-model-output.ts";
import { checkOutput, type ForceOption } from "../planning/check-output.ts";

export interface ConvertOptions extends InputOptions, ForceOption {
  /** Of the zoo; of whose weights a `.safetensors` file is. */
  readonly model?: ModelName;
  readonly form?: FormName;
  /** Pixels; default: 224. */
  readonly imageSize?: number;
  /** Of the tensors in a `.safetensors` file that is written; default: torchvision. */
  readonly names?: Naming;
  /** File with the embeddings of the classes' texts. */
  readonly texts?: string;
  readonly logitScale?: number;
  /** Of a layers model. */
  readonly half: boolean;
}

const DEFAULT_SIDE = 224;

const WEIGHTS = ".safetensors";
/** Files that models are written as, by their ending; anything else is the folder of a layers model. */
const TARGETS = [".keras", ".onnx", WEIGHTS] as const;
type Target = (typeof TARGETS)[number];
const OTHER_FILES = /^\.(json|h5|hdf5|tflite|pb|pt|pth|zip)$/iu;

/** Writes a stored model in another form, with all that is known of it. */
export async function convertModel(
  from: string,
  to: string,
  options: ConvertOptions,
  context: Files & Output & Stop,
): Promise<void> {
  const { terminal, workingFolder, signal } = context;
  const target = targetOf(to);
  if (target !== WEIGHTS) requireUnset({ names: options.names }, `OUT is no ${WEIGHTS} file`);
  if (target !== undefined) requireUnset({ half: options.half || undefined }, `OUT is a ${target} file`);
  if (target === undefined) await checkModelOutput(to, { workingFolder, ...options }, "OUT");
  else await checkFileOutput(to, target, options, workingFolder);
  const path = resolve(workingFolder, from);
  const { model, classNames } = await withTexts(await readSource(path, options, context), path, options, context);
  const { classes, ending = "logits" } = headOf(model.graph);
  const output = resolve(workingFolder, to);
  if (target === undefined)
    await writeLayersModel(model, output, { signal, precision: options.half ? "half" : "single" });
  else if (target === ".keras") await writeKerasFile(model, output, { signal });
  else if (target === ".onnx") await exportOnnx(model, output, { classNames }, { signal });
  else {
    const { isSameInTorch } = await writeSafetensors(model, output, options.names ?? "torchvision", { signal });
    if (!isSameInTorch) {
      terminal.complain(
        `warning: ${model.graph.name} pads strided windows as TensorFlow does, PyTorch's as much on each side: its outputs will differ`,
      );
    }
  }
  if (target !== WEIGHTS) await copyCard(path, output, { graph: model.graph, classNames }, { signal });
  const { shape, form } = inputOf(model.graph);
  terminal.record({
    ...{ event: "converted", output: to, name: model.graph.name, inputShape: shape, input: form ?? null },
    ...{ ending, classes, classNames: classNames ?? null },
  });
  terminal.line(
    `${model.graph.name} is in ${to}: takes images of ${takenInWords(form)}; gives ${ending} of ${classes} classes`,
  );
}

function targetOf(to: string): Target | undefined {
  const ending = extname(to).toLowerCase();
  if (OTHER_FILES.test(ending)) {
    throw new MpoError("invalid-argument", `${to} names a file; expected a folder (for a layers model) or a file`, {
      hint: `Files that are written end in ${TARGETS.join(" or ")}.`,
    });
  }
  return TARGETS.find((known) => known === ending);
}

/** A card lies beside its model, so one of another model must not be there. */
async function checkFileOutput(
  to: string,
  target: Target,
  { force }: ForceOption,
  workingFolder: string,
): Promise<void> {
  await checkOutput("OUT", to, { workingFolder, force });
  const folder = dirname(resolve(workingFolder, to));
  if (target === WEIGHTS || force || !existsSync(join(folder, MODEL_CARD_FILE))) return;
  throw new MpoError("already-exists", `OUT ${to}: the folder holds the card of a model already`, {
    hint: "Choose a folder of its own, or add --force to write over the card.",
  });
}

async function readSource(path: string, options: ConvertOptions, { terminal, signal }: Output & Stop): Promise<Model> {
  const { model: name, form, imageSize } = options;
  if (extname(path).toLowerCase() !== WEIGHTS) {
    requireUnset({ model: name, form, imageSize }, `${path} says itself what model it is`);
    const model = await loadModel(path, signal, options);
    sayAssumed(model, { terminal });
    return model;
  }
  if (name === undefined) {
    throw new MpoError("invalid-argument", `${path} has weights only: expected --model NAME, of the zoo`, {
      hint: "See `mpo models`.",
    });
  }
  const side = imageSize ?? DEFAULT_SIDE;
  const { model, naming, unused } = await readSafetensors(path, { model: name, size: [side, side], form, signal });
  terminal.note(
    `${path}: named as by ${naming}; ${unused.length === 0 ? "all used" : `not used: ${unused.join(", ")}`}`,
  );
  return { ...model, graph: withInputOptions(model.graph, options) };
}

/** A CLIP's image encoder with the classes of given texts; another model as it is. And the classes' names. */
async function withTexts(
  model: Model,
  path: string,
  { texts: file, logitScale }: ConvertOptions,
  { workingFolder, signal }: Files & Stop,
): Promise<{ readonly model: Model; readonly classNames: readonly string[] | undefined }> {
  if (file === undefined) {
    requireUnset({ logitScale }, "there are no --texts");
    return { model, classNames: await classNamesOf(model, path, signal) };
  }
  const texts = await readTextEmbeddings(resolve(workingFolder, file), { signal });
  return { model: withTextClasses(model, texts, logitScale), classNames: [...texts.keys()] };
}

/** Nothing that was asked for is ignored in silence. */
function requireUnset(options: Readonly<Record<string, unknown>>, why: string): void {
  const [ignored] = Object.keys(options).filter((name) => options[name] !== undefined);
  if (ignored === undefined) return;
  const option = `--${ignored.replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)}`;
  throw new MpoError("invalid-argument", `${option} would be ignored: ${why}`, { hint: `Leave ${option} out.` });
}
