import { given } from "@mpo/core";
import { FILTERS, FITS, INPUT_ORDERS, INPUT_RANGES, type InputForm, type Resizing } from "@mpo/datasets";
import { describeInputForm, inputOf, type ModelGraph, rounded, withInputForm } from "@mpo/engine";
import { type Command, InvalidArgumentError, Option } from "commander";
import { choice } from "./choice.ts";

/** What the options state of a model's input; it overrides what its card states. */
export interface InputOptions {
  readonly inputRange?: InputForm["range"];
  readonly inputOrder?: (typeof INPUT_ORDERS)[number];
  readonly inputFit?: NonNullable<Resizing["fit"]>;
  readonly inputFilter?: NonNullable<Resizing["filter"]>;
}

/** Adds the options that state what the model takes for an image. */
export function addInputOptions(command: Command): Command {
  const range =
    "values that the model takes: unit (0..1), symmetric (-1..1), bytes (0..255), or mean/deviation, each for all " +
    "channels or one per channel, such as 0.485,0.456,0.406/0.229,0.224,0.225 (default: its card's, else unit)";
  const fit = "how pictures are brought to its size (default: its card's, else stretch)";
  const filter = "what their pixels are made of where their size is another (default: its card's, else lanczos3)";
  return command
    .addOption(new Option("--input-range <range>", range).argParser(inputRange))
    .addOption(
      choice("--input-order <order>", "order of its colour channels (default: its card's, else rgb)", INPUT_ORDERS),
    )
    .addOption(choice("--input-fit <how>", fit, FITS))
    .addOption(choice("--input-filter <name>", filter, FILTERS));
}

/** The graph with what the options state. Throws `invalid-argument` where its channels are not as many. */
export function withInputOptions(graph: ModelGraph, options: InputOptions): ModelGraph {
  const { inputRange: range, inputOrder: order, inputFit: fit, inputFilter: filter } = options;
  const stated = given({ range, order, fit, filter });
  if (Object.keys(stated).length === 0) return graph;
  return withInputForm(graph, { range: "unit", ...inputOf(graph).form, ...stated });
}

/** What a model takes for an image, in words. */
export function takenInWords(form: InputForm | undefined): string {
  return form === undefined ? "0..1, assumed: nothing states it (--input-range)" : describeInputForm(form);
}

/** The options that state a form. */
export function inputOptionsFor({ range, order }: InputForm): string {
  const text = typeof range === "string" ? range : `${rounded(range.mean)}/${rounded(range.deviation)}`;
  return `--input-range ${text}${order === undefined ? "" : ` --input-order ${order}`}`;
}

/** Means and deviations above 1 are of 0..255. */
function inputRange(text: string): InputForm["range"] {
  const named = INPUT_RANGES.find((name) => name === text);
  if (named !== undefined) return named;
  const [mean = [], deviation = [], ...more] = text.split("/").map((list) => list.split(",").map(numberOf));
  const all = [...mean, ...deviation];
  if (more.length > 0 || deviation.length === 0 || all.some(Number.isNaN) || deviation.some((value) => value <= 0)) {
    throw new InvalidArgumentError(`Expected ${INPUT_RANGES.join(", ")}, or mean/deviation.`);
  }
  const unit = all.some((value) => value > 1) ? 255 : 1;
  return { mean: mean.map((value) => value / unit), deviation: deviation.map((value) => value / unit) };
}

function numberOf(text: string): number {
  return /^-?\d*\.?\d+$/u.test(text.trim()) ? Number(text) : Number.NaN;
}
