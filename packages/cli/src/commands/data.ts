import { resolve } from "node:path";
import { type DescribedClass, describeData, describePassedOver } from "@mpo/datasets";
import { writeFileAtomic } from "@mpo/io";
import type { Command } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { contactSheet } from "../data/contact-sheet.ts";
import { createTable } from "../output/table.ts";
import { checkOutput, type ForceOption, forceOption } from "../planning/check-output.ts";

interface DescribeOptions extends ForceOption {
  readonly html?: string;
}

/** Pictures of a class on the contact sheet. */
const SAMPLES = 8;
/** Sizes of a class that are printed. */
const SIZES = 3;

export function define(data: Command, context: CommandContext): void {
  data
    .command("describe")
    .description(
      "say what a folder of data is: its parts and classes, how many images of which sizes, what is passed over",
    )
    .argument("<folder>", "folder of pictures, arrays, IDX or CIFAR files; or an .npy or .npz file")
    .option("--html <file>", "write a contact sheet too: a few images of each class")
    .addOption(forceOption())
    .action((folder: string, options: DescribeOptions) => describe(folder, options, context));
}

async function describe(
  folder: string,
  { html, force }: DescribeOptions,
  { terminal, workingFolder, signal }: Files & Output & Stop,
): Promise<void> {
  if (html !== undefined) await checkOutput("--html", html, { workingFolder, force });
  const path = resolve(workingFolder, folder);
  const samples = html === undefined ? 0 : SAMPLES;
  const { dataset, classes, passedOver } = await describeData(path, { samples, signal, note: terminal.note });
  const table = createTable(terminal, ["part", "class", "images", "height x width x channels"]);
  for (const described of classes) {
    const { part, name, images, sizes, unreadable } = described;
    terminal.record({ dataset, part, class: name, images, sizes: Object.fromEntries(sizes), unreadable });
    table.push([part, name, images, sizesInWords(described)]);
  }
  const total = classes.reduce((sum, { images }) => sum + images, 0);
  terminal.line(table.toString());
  terminal.line(`--dataset ${dataset} --data ${folder}: ${total} images${describePassedOver(passedOver)}`);
  for (const { part, name, images, unreadable } of classes) {
    if (images === 0) terminal.note(`${part}: ${name} has no images`);
    for (const file of unreadable) terminal.note(`${file} cannot be read`);
  }
  if (html === undefined) return;
  await writeFileAtomic(resolve(workingFolder, html), contactSheet(path, classes), { signal });
  terminal.line(`the contact sheet is in ${html}`);
}

function sizesInWords({ images, sizes, unreadable }: DescribedClass): string {
  const named = sizes.slice(0, SIZES).map(([size, count]) => (count === images ? size : `${size} (${count})`));
  if (sizes.length > SIZES) named.push(`${sizes.length - SIZES} other sizes`);
  if (unreadable.length > 0) named.push(`${unreadable.length} unreadable`);
  return named.join(", ");
}
