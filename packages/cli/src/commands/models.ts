import { buildModel, modelCatalogue, parameterCount } from "@mpo/engine";
import type { Command } from "commander";
import type { CommandContext, Output } from "../command-context.ts";
import { createTable } from "../output/table.ts";

const SMALL_FORM = [32, 32, 3];
const LARGE_FORM = [224, 224, 3];
const CIFAR_CLASSES = 10;
const IMAGENET_CLASSES = 1000;

/** `mpo models`. */
export function define(command: Command, context: CommandContext): void {
  command.action(() => listModels(context));
}

/** Prints each model with its paper, its published size, and the sizes of the forms that are built here. */
function listModels({ terminal }: Output): void {
  const head = ["name", "parameters", "32x32,\n10 classes", "224x224,\n1000 classes", "paper"];
  const table = createTable(terminal, head, { compact: true });
  for (const { name, title, paper, published } of modelCatalogue()) {
    const parametersOf = (inputShape: readonly number[], classes: number): number =>
      parameterCount(buildModel({ model: name, norm: "batch", inputShape, classes })).trainable;
    const small = parametersOf(SMALL_FORM, CIFAR_CLASSES);
    const large = parametersOf(LARGE_FORM, IMAGENET_CLASSES);
    terminal.record({
      name,
      title,
      paper,
      publishedParameters: published.parameters,
      forms: [
        { inputShape: SMALL_FORM, classes: CIFAR_CLASSES, parameters: small },
        { inputShape: LARGE_FORM, classes: IMAGENET_CLASSES, parameters: large },
      ],
      norms: ["batch", "group"],
    });
    table.push([name, ...[published.parameters, small, large].map(millions), paper]);
  }
  terminal.line(table.toString());
}

function millions(parameters: number): string {
  return `${(parameters / 1e6).toFixed(2)} M`;
}
