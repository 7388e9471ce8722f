import { resolve } from "node:path";
import { formatShare } from "@mpo/core";
import { describeResizing, readClassNames } from "@mpo/datasets";
import {
  buildModel,
  cardOf,
  copyCard,
  headOf,
  inputOf,
  modelCatalogue,
  parameterCount,
  pictureFormOf,
  withInputForm,
} from "@mpo/engine";
import type { Command } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { loadModel } from "../data/load-model.ts";
import { definePublished } from "../fleet/published-models.ts";
import { defineAdaptations } from "../fleet/shared-adaptations.ts";
import { addInputOptions, type InputOptions, takenInWords } from "../options/input-options.ts";
import { createTable } from "../output/table.ts";

const SMALL_FORM = [32, 32, 3];
const LARGE_FORM = [224, 224, 3];
const CIFAR_CLASSES = 10;
const IMAGENET_CLASSES = 1000;

export function define(command: Command, context: CommandContext): void {
  command.action(() => listModels(context));
  const describe = command
    .command("describe")
    .description("say what a stored model is: what it takes, what it gives, how it was made")
    .argument("<model>", "folder or file of the model")
    .option("--write-card", "state its input, as it is shown, in the card beside it", false);
  addInputOptions(describe).action((model: string, options: DescribeOptions) => describeModel(model, options, context));
  definePublished(command, context);
  defineAdaptations(command, context);
}

interface DescribeOptions extends InputOptions {
  readonly writeCard: boolean;
}

/** Prints what is known of a stored model, and states its input in its card where that is wanted. */
async function describeModel(
  name: string,
  options: DescribeOptions,
  { terminal, workingFolder, signal }: Files & Output & Stop,
): Promise<void> {
  const path = resolve(workingFolder, name);
  const { graph } = await loadModel(path, signal, options);
  const { shape, form } = inputOf(graph);
  const { classes, ending } = headOf(graph);
  const [card, names] = await Promise.all([cardOf(path, { signal }), readClassNames(path, { signal })]);
  const parameters = parameterCount(graph);
  terminal.record({
    ...{ name: graph.name, inputShape: shape, input: form ?? null, classes, classNames: names ?? null },
    ...{ ending: ending ?? "logits", layers: graph.nodes.length, parameters, card: card ?? null },
  });
  const table = createTable(terminal, [graph.name, ""]);
  table.push(["takes", `${shape.join("x")}, images of ${takenInWords(form)}`]);
  if (pictureFormOf(graph) !== undefined) {
    const isStated = form?.fit !== undefined && form.filter !== undefined;
    const assumed = isStated ? "" : "; what is not stated is assumed (--input-fit, --input-filter)";
    table.push(["pictures", `${describeResizing(form ?? {})}${assumed}`]);
  }
  table.push([
    "gives",
    `${ending ?? "logits"} of ${classes} classes${names === undefined ? "" : `: ${names.join(", ")}`}`,
  ]);
  table.push(["layers", `${graph.nodes.length}, ${parameters.total} parameters`]);
  if (card?.accuracy.clean !== undefined) table.push(["accuracy", formatShare(card.accuracy.clean)]);
  if (card !== undefined) table.push(["made by", card.trainingCommand]);
  if (card?.retrained !== undefined) table.push(["made from", card.retrained.from]);
  terminal.line(table.toString());
  if (!options.writeCard) return;
  await copyCard(path, path, { graph: withInputForm(graph, form ?? { range: "unit" }) }, { signal });
  terminal.line(`the card of ${name} states what it takes`);
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
