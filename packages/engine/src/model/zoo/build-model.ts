import { MpoError } from "@mpo/core";
import type { ModelGraph, SampleShape } from "../model-graph.ts";
import { densenet121 } from "./densenet121.ts";
import { mobilenetV2 } from "./mobilenet-v2.ts";
import { mobilenetV3Large, mobilenetV3Small } from "./mobilenet-v3.ts";
import { resnet50, resnet101, resnext50 } from "./resnet-bottleneck.ts";
import { resnet20 } from "./resnet20.ts";
import { NORM_NAMES, type ZooOptions } from "./zoo-layers.ts";

export const MODEL_NAMES = [
  "resnet20",
  "resnet50",
  "resnet101",
  "resnext50",
  "densenet121",
  "mobilenet-v2",
  "mobilenet-v3-small",
  "mobilenet-v3-large",
] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

/** Which model to build. */
export interface BuildModelOptions extends ZooOptions {
  readonly model: ModelName;
}

/** What is published of a model. */
export interface ModelEntry {
  readonly name: ModelName;
  readonly title: string;
  readonly paper: string;
  /** Trainable parameters with batch normalisation, for this input and number of classes. */
  readonly published: { readonly parameters: number; readonly inputShape: SampleShape; readonly classes: number };
}

const BUILDERS: Readonly<Record<ModelName, (options: ZooOptions) => ModelGraph>> = {
  resnet20,
  resnet50,
  resnet101,
  resnext50,
  densenet121,
  "mobilenet-v2": mobilenetV2,
  "mobilenet-v3-small": mobilenetV3Small,
  "mobilenet-v3-large": mobilenetV3Large,
};

const RESNET_PAPER = "He et al. 2016, Deep Residual Learning for Image Recognition";
const V3_PAPER = "Howard et al. 2019, Searching for MobileNetV3";

const CATALOGUE: readonly ModelEntry[] = [
  {
    name: "resnet20",
    title: "ResNet-20",
    paper: RESNET_PAPER,
    published: { parameters: 272_474, inputShape: [32, 32, 3], classes: 10 },
  },
  { name: "resnet50", title: "ResNet-50", paper: RESNET_PAPER, published: imageNet(25_557_032) },
  { name: "resnet101", title: "ResNet-101", paper: RESNET_PAPER, published: imageNet(44_549_160) },
  {
    name: "resnext50",
    title: "ResNeXt-50 32x4d",
    paper: "Xie et al. 2017, Aggregated Residual Transformations for Deep Neural Networks",
    published: imageNet(25_028_904),
  },
  {
    name: "densenet121",
    title: "DenseNet-121",
    paper: "Huang et al. 2017, Densely Connected Convolutional Networks",
    published: imageNet(7_978_856),
  },
  {
    name: "mobilenet-v2",
    title: "MobileNet-v2",
    paper: "Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks",
    published: imageNet(3_504_872),
  },
  { name: "mobilenet-v3-small", title: "MobileNet-v3 small", paper: V3_PAPER, published: imageNet(2_542_856) },
  { name: "mobilenet-v3-large", title: "MobileNet-v3 large", paper: V3_PAPER, published: imageNet(5_483_032) },
];

/** What the zoo has. */
export function modelCatalogue(): readonly ModelEntry[] {
  return CATALOGUE;
}

/** Whether the zoo has a model of this name. */
function isModelName(name: string): name is ModelName {
  return (MODEL_NAMES as readonly string[]).includes(name);
}

/**
 * Builds a model of the zoo; its output is logits `[classes]`. Unless `form` says otherwise, inputs of up to 64 pixels get the
 * form for small images, larger ones the ImageNet form (each model's file says how they differ). Throws `invalid-argument` for an unknown
 * name, and when the input is not `[height, width, channels]`.
 */
export function buildModel(options: BuildModelOptions): ModelGraph {
  const { model, norm, inputShape, classes, form } = options;
  if (!isModelName(model)) {
    throw new MpoError(
      "invalid-argument",
      `model "${String(model)}" is unknown; expected one of ${MODEL_NAMES.join(", ")}`,
    );
  }
  if (!NORM_NAMES.includes(norm)) {
    throw new MpoError(
      "invalid-argument",
      `norm "${String(norm)}" is unknown; expected one of ${NORM_NAMES.join(", ")}`,
    );
  }
  if (inputShape.length !== 3) {
    throw new MpoError("invalid-argument", `input shape [${inputShape}]: expected [height, width, channels]`);
  }
  return BUILDERS[model]({ norm, inputShape, classes, ...(form === undefined ? {} : { form }) });
}

function imageNet(parameters: number): ModelEntry["published"] {
  return { parameters, inputShape: [224, 224, 3], classes: 1000 };
}
