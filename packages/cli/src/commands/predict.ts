import { extname, resolve } from "node:path";
import { given, MpoError } from "@mpo/core";
import { encodeNpy, loadPictures, readNpy } from "@mpo/datasets";
import {
  EngineWorker,
  evaluateLogits,
  headOf,
  inputOf,
  type Model,
  outputsOf,
  pictureFormOf,
  type Samples,
  softmaxRows,
  withInputForm,
} from "@mpo/engine";
import { writeFileAtomic } from "@mpo/io";
import type { Command } from "commander";
import type { CommandContext, Files, Output, Stop } from "../command-context.ts";
import { samplesOf } from "../data/drifted-samples.ts";
import { loadModel } from "../data/load-model.ts";
import { reportInput } from "../data/report-input.ts";
import { addInputOptions, type InputOptions } from "../options/input-options.ts";
import { threadsOption } from "../options/parsers.ts";
import { weightsOption } from "../options/subject-options.ts";
import { checkOutput, type ForceOption, forceOption } from "../planning/check-output.ts";

interface PredictOptions extends InputOptions, ForceOption {
  readonly weights: string;
  readonly input: string;
  readonly output: string;
  readonly logits: boolean;
  readonly probabilities: boolean;
  readonly threads?: number;
}

export function define(command: Command, context: CommandContext): void {
  command
    .addOption(weightsOption())
    .requiredOption("--input <path>", "a picture, a folder of pictures, or an .npy file of what the model itself gets")
    .requiredOption("-o, --output <file>", "where the predictions go, an .npy file of [inputs, outputs]")
    .addOption(forceOption())
    .option("--logits", "write logits: what the model's last softmax or sigmoid gets", false)
    .option("--probabilities", "write probabilities, even where the model gives logits", false);
  addInputOptions(command)
    .addOption(threadsOption())
    .action((options: PredictOptions) => predict(options, context));
}

/** Writes what a model gives: as Keras' `predict` does, unless the options say otherwise. */
async function predict(options: PredictOptions, context: Files & Output & Stop): Promise<void> {
  const { terminal, signal, workingFolder, environment } = context;
  const { output, logits: wantsLogits, probabilities: wantsProbabilities } = options;
  if (wantsLogits && wantsProbabilities) {
    throw new MpoError("invalid-argument", "--logits and --probabilities: expected one of them");
  }
  await checkOutput("--output", output, { workingFolder, ...options });
  const stored = await loadModel(resolve(workingFolder, options.weights), signal, options);
  const { model, samples } = await readSamples(options, stored, context);
  const { count } = samples;
  await using worker = await EngineWorker.start({ environment, ...given({ threads: options.threads }) }, { signal });
  await worker.load(model, { signal });
  const logits = await evaluateLogits(worker, samples, { signal });
  const head = headOf(model.graph);
  const areLogits = wantsLogits || !(head.ending !== undefined || wantsProbabilities);
  const data = areLogits
    ? logits
    : wantsProbabilities
      ? Float32Array.from(softmaxRows(logits, count))
      : outputsOf(head, logits, count);
  const shape = [count, data.length / count];
  await writeFileAtomic(resolve(workingFolder, output), encodeNpy({ type: "f4", shape, data }), { signal });
  terminal.record({ event: "predicted", output, shape, values: areLogits ? "logits" : "probabilities" });
  terminal.line(`${areLogits ? "logits" : "probabilities"} [${shape.join(", ")}] are in ${output}`);
  if (areLogits && !wantsLogits)
    terminal.line("hint: the model gives logits; add --probabilities for the softmax of them");
}

/** The inputs, and the model as it takes them: pictures in its own form, arrays as they are. */
async function readSamples(
  options: PredictOptions,
  model: Model,
  context: Files & Output & Stop,
): Promise<{ readonly model: Model; readonly samples: Samples }> {
  const { signal, workingFolder, terminal } = context;
  const { shape } = inputOf(model.graph);
  const path = resolve(workingFolder, options.input);
  if (extname(path).toLowerCase() !== ".npy") {
    const images = pictureFormOf(model.graph);
    if (images === undefined) {
      throw new MpoError("unsupported", `the model takes inputs of ${shape.join("x")}; expected pictures`, {
        hint: "Give it an .npy file.",
      });
    }
    const samples = samplesOf(await loadPictures(path, { ...images, signal, note: terminal.note }));
    reportInput(model, samples, options.weights, context);
    return { model, samples };
  }
  const stated = (["inputRange", "inputOrder", "inputFit", "inputFilter"] as const).some(
    (name) => options[name] !== undefined,
  );
  if (stated) {
    throw new MpoError(
      "invalid-argument",
      "--input-range, --input-order, --input-fit and --input-filter are for pictures",
      {
        hint: "Leave them out: an .npy file holds what the model itself gets.",
      },
    );
  }
  const { data, shape: found } = await readNpy(path, { signal });
  const sample = found.slice(1);
  if (sample.join() !== shape.join() && [...sample, 1].join() !== shape.join()) {
    const isTurned = [...sample.slice(1), sample[0]].join() === shape.join();
    const hint = isTurned ? { hint: "The channels come first: write x.transpose(0, 2, 3, 1)." } : {};
    throw new MpoError(
      "invalid-argument",
      `${path} has the shape [${found.join(", ")}]; the model takes [N, ${shape.join(", ")}]`,
      hint,
    );
  }
  const samples = { images: Float32Array.from(data), count: found[0] ?? 0 };
  return { model: { ...model, graph: withInputForm(model.graph, { range: "unit" }) }, samples };
}
