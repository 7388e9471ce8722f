import { FORM_NAMES, LOGIT_SCALE, NAMINGS, TORCH_MODELS } from "@mpo/engine";
import type { Command } from "commander";
import type { CommandContext } from "../command-context.ts";
import { type ConvertOptions, convertModel } from "../convert/convert-model.ts";
import { choice } from "../options/choice.ts";
import { addInputOptions } from "../options/input-options.ts";
import { numberBetween, wholeNumber } from "../options/parsers.ts";
import { forceOption } from "../planning/check-output.ts";

const HELP = `
What OUT is follows its ending. What the model takes, the names of its classes and its card go with it.

Examples:
  mpo convert model.keras serving/camera/model
  mpo convert serving/camera/model out/model.onnx
  mpo convert resnet50.safetensors resnet50 --model resnet50 --input-range 0.485,0.456,0.406/0.229,0.224,0.225
  mpo convert resnet50 out/resnet50.safetensors
  mpo convert trained packaged --half
  mpo convert clip-image-encoder.onnx zero-shot --texts texts.json
`;

/** `mpo convert`. */
export function define(command: Command, context: CommandContext): void {
  command
    .argument(
      "<in>",
      "folder or file of the model (layers model, .keras, .h5 or .onnx), or a .safetensors file of weights",
    )
    .argument("<out>", "folder for a TensorFlow.js layers model and its card, or a .keras, .onnx or .safetensors file")
    .addOption(
      choice("--model <name>", "the model of the zoo that the weights of a .safetensors file are of", TORCH_MODELS),
    )
    .addOption(choice("--form <name>", "its form (default: by the images' size)", FORM_NAMES))
    .option("--image-size <pixels>", "side of its images (default: 224)", wholeNumber(8, 1024))
    .addOption(
      choice("--names <of>", "whose names a .safetensors file that is written has (default: torchvision)", NAMINGS),
    )
    .option(
      "--texts <file>",
      "the classes of a CLIP's image encoder, as JSON: each with the embedding of its text, by the text encoder of the same CLIP",
    )
    .option("--logit-scale <n>", `what CLIP multiplies by (default: ${LOGIT_SCALE})`, numberBetween(1, 1000))
    .option("--half", "keep the weights of a layers model in 16 bits: half the file, for nearly the same model", false);
  addInputOptions(command)
    .addOption(forceOption())
    .addHelpText("after", HELP)
    .action((from: string, to: string, options: ConvertOptions) => convertModel(from, to, options, context));
}
