import { MpoError } from "@mpo/core";
import { type Abortable, throwIfAborted, writeFileAtomic } from "@mpo/io";
import { MODEL_FILE_MODE } from "../layers-format/write-layers-model.ts";
import type { Model } from "../model-graph.ts";
import { checkWeights, graphVariables } from "../variables.ts";
import type { ModelName } from "../zoo/build-model.ts";
import { hasUnevenPads } from "./even-pads.ts";
import { tensorName } from "./read-safetensors.ts";
import { encodeSafetensors, type WrittenTensor } from "./safetensors-file.ts";
import { torchLayout, toTorch } from "./torch-layout.ts";
import { type Naming, TORCH_MODELS } from "./torch-names.ts";

/**
 * Writes the weights of a model of the zoo as torchvision or timm name them, for `load_state_dict`, in one step. Says
 * whether PyTorch's model computes the same: not where strided windows are padded TensorFlow's way. Throws `unsupported`
 * for a model that is not of the zoo or has other layers, and `cancelled`.
 */
export async function writeSafetensors(
  model: Model,
  path: string,
  naming: Naming,
  options: Abortable = {},
): Promise<{ readonly isSameInTorch: boolean }> {
  throwIfAborted(options.signal);
  checkWeights(model);
  const { graph, weights } = model;
  const name = TORCH_MODELS.find((known) => known === graph.name);
  if (name === undefined) {
    throw new MpoError("unsupported", `model "${graph.name}" is none whose weights have names in PyTorch`, {
      hint: `Known are ${TORCH_MODELS.join(", ")}, built by their names.`,
    });
  }
  const tensors = new Map<string, WrittenTensor>();
  for (const variable of graphVariables(graph)) {
    const layout = torchLayout(variable);
    const tensor = tensorName(name, naming, variable, layout);
    const shape =
      layout.part === "weight" && isPointwise(name, naming, variable.node) ? [...layout.shape, 1, 1] : layout.shape;
    tensors.set(tensor, { shape, values: toTorch(weights.get(variable.name)!, variable, layout) });
    if (layout.part === "running_var") {
      tensors.set(tensor.replace(/running_var$/u, "num_batches_tracked"), { shape: [], values: BigInt64Array.of(0n) });
    }
  }
  await writeFileAtomic(path, encodeSafetensors(tensors), { ...options, mode: MODEL_FILE_MODE });
  return { isSameInTorch: !hasUnevenPads(graph) };
}

/** timm keeps the dense layer before MobileNet-v3's logits as a convolution of 1x1. */
function isPointwise(model: ModelName, naming: Naming, node: string): boolean {
  return naming === "timm" && model.startsWith("mobilenet-v3") && node === "hidden";
}
