import { FORM_NAMES, MODEL_NAMES, NORM_NAMES } from "@mpo/engine";
import { type Command, Option } from "commander";
import { choice } from "./choice.ts";
import { addInputOptions } from "./input-options.ts";
import { wholeNumber } from "./parsers.ts";

const STORED_MODEL = "folder or file of a stored model (layers model, .keras, .h5 or .onnx)";

/** `--weights`, which must be given. */
export function weightsOption(): Option {
  return new Option("--weights <path>", STORED_MODEL).makeOptionMandatory();
}

/** Adds the options that say which model a command is about. */
export function addSubjectOptions(command: Command): Command {
  return addInputOptions(command)
    .addOption(
      choice("--model <name>", "a model of the zoo with random weights; this or --weights is needed", MODEL_NAMES),
    )
    .addOption(choice("--norm <name>", "its normalisation", NORM_NAMES, "batch"))
    .addOption(choice("--form <name>", "its form (default: by the images' size)", FORM_NAMES))
    .option("--image-size <pixels>", "side of its images", wholeNumber(8, 1024), 32)
    .option("--channels <n>", "channels of its images", wholeNumber(1, 16), 3)
    .option("--classes <n>", "its classes", wholeNumber(2, 100_000), 10)
    .option("--weights <path>", `instead, ${STORED_MODEL}`);
}
