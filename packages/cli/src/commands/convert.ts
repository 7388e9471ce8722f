import { extname, resolve } from "node:path";
import { MpoError } from "@mpo/core";
import { copyCard, headOf, inputOf, writeLayersModel } from "@mpo/engine";
import type { Command } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { classNamesOf, loadModel, sayAssumed } from "../data/load-model.ts";
import { addInputOptions, type InputOptions, takenInWords } from "../options/input-options.ts";
import { checkModelOutput } from "../planning/check-model-output.ts";
import { type ForceOption, forceOption } from "../planning/check-output.ts";

interface ConvertOptions extends InputOptions, ForceOption {}

const HELP = `
What the model takes, the names of its classes and its card go with it.

Example:
  mpo convert model.keras serving/camera/model
`;

/** `mpo convert`. */
export function define(command: Command, context: CommandContext): void {
  addInputOptions(
    command
      .argument("<in>", "folder or file of the model (layers model, .keras, .h5 or .onnx)")
      .argument("<out>", "folder for the model (TensorFlow.js layers format) and its card"),
  )
    .addOption(forceOption())
    .addHelpText("after", HELP)
    .action((from: string, to: string, options: ConvertOptions) => convert(from, to, options, context));
}

/** Writes a stored model as a layers model, with all that is known of it. */
async function convert(
  from: string,
  to: string,
  options: ConvertOptions,
  { terminal, workingFolder, signal }: Files & Output & Stop,
): Promise<void> {
  if (/^\.(json|keras|h5|hdf5|onnx|tflite|pb|zip)$/iu.test(extname(to))) {
    throw new MpoError("invalid-argument", `${to} names a file; expected a folder: what is written is a layers model`);
  }
  await checkModelOutput(to, { workingFolder, ...options }, "OUT");
  const path = resolve(workingFolder, from);
  const folder = resolve(workingFolder, to);
  const model = await loadModel(path, signal, options);
  sayAssumed(model, { terminal });
  const { classes, ending = "logits" } = headOf(model.graph);
  const classNames = await classNamesOf(model, path, signal);
  await writeLayersModel(model, folder, { signal });
  await copyCard(path, folder, { graph: model.graph, classNames }, { signal });
  const { shape, form } = inputOf(model.graph);
  terminal.record({
    ...{ event: "converted", output: to, name: model.graph.name, inputShape: shape, input: form ?? null },
    ...{ ending, classes, classNames: classNames ?? null },
  });
  terminal.line(
    `${model.graph.name} is in ${to}: takes images of ${takenInWords(form)}; gives ${ending} of ${classes} classes`,
  );
}
