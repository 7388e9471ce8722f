import { given, MpoError } from "@mpo/core";
import type { ModelGraph, SampleShape } from "../model-graph.ts";
import { densenet121 } from "./densenet121.ts";
import { mobilenetV2 } from "./mobilenet-v2.ts";
import { mobilenetV3 } from "./mobilenet-v3.ts";
import { mobileVit } from "./mobilevit.ts";
import { bottleneckResnet } from "./resnet-bottleneck.ts";
import { resnet20 } from "./resnet20.ts";
import { visionTransformer } from "./vision-transformer.ts";
import { NORM_NAMES, type ZooOptions } from "./zoo-layers.ts";

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

const RESNET_PAPER = "He et al. 2016, Deep Residual Learning for Image Recognition";
const V3_PAPER = "Howard et al. 2019, Searching for MobileNetV3";
const VIT_PAPER = "Dosovitskiy et al. 2021, An Image is Worth 16x16 Words; Steiner et al. 2022, How to train your ViT?";
const MOBILEVIT_PAPER = "Mehta and Rastegari 2022, MobileViT: Light-weight, General-purpose, and Mobile-friendly ViT";
/** Of the image encoder alone; the texts' embeddings are 512 numbers for each class. */
const TINYCLIP_PARAMETERS = 8_276_992;

const ZOO = {
  resnet20: {
    title: "ResNet-20",
    paper: RESNET_PAPER,
    published: { parameters: 272_474, inputShape: [32, 32, 3], classes: 10 },
    build: resnet20,
  },
  resnet50: imageNet("ResNet-50", RESNET_PAPER, 25_557_032, (options) => bottleneckResnet("resnet50", options)),
  resnet101: imageNet("ResNet-101", RESNET_PAPER, 44_549_160, (options) => bottleneckResnet("resnet101", options)),
  resnext50: imageNet(
    "ResNeXt-50 32x4d",
    "Xie et al. 2017, Aggregated Residual Transformations for Deep Neural Networks",
    25_028_904,
    (options) => bottleneckResnet("resnext50", options),
  ),
  densenet121: imageNet(
    "DenseNet-121",
    "Huang et al. 2017, Densely Connected Convolutional Networks",
    7_978_856,
    densenet121,
  ),
  "mobilenet-v2": imageNet(
    "MobileNet-v2",
    "Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks",
    3_504_872,
    mobilenetV2,
  ),
  "mobilenet-v3-small": imageNet("MobileNet-v3 small", V3_PAPER, 2_542_856, (options) => mobilenetV3("small", options)),
  "mobilenet-v3-large": imageNet("MobileNet-v3 large", V3_PAPER, 5_483_032, (options) => mobilenetV3("large", options)),
  "vit-tiny": imageNet("ViT-Tiny/16", VIT_PAPER, 5_717_416, (options) => visionTransformer("vit-tiny", options)),
  "deit-tiny": imageNet(
    "DeiT-Tiny/16",
    "Touvron et al. 2021, Training data-efficient image transformers & distillation through attention",
    5_717_416,
    (options) => visionTransformer("deit-tiny", options),
  ),
  "tinyclip-vit-8m": imageNet(
    "TinyCLIP ViT-8M/16, image encoder",
    "Wu et al. 2023, TinyCLIP: CLIP Distillation via Affinity Mimicking and Weight Inheritance",
    TINYCLIP_PARAMETERS + 512 * 1000,
    (options) => visionTransformer("tinyclip-vit-8m", options),
  ),
  "mobilevit-xxs": imageNet("MobileViT-XXS", MOBILEVIT_PAPER, 1_272_024, (options) =>
    mobileVit("mobilevit-xxs", options),
  ),
  "mobilevit-xs": imageNet("MobileViT-XS", MOBILEVIT_PAPER, 2_317_848, (options) => mobileVit("mobilevit-xs", options)),
} satisfies Record<string, ZooModel>;

export type ModelName = keyof typeof ZOO;
export const MODEL_NAMES: readonly ModelName[] = Object.keys(ZOO) as ModelName[];

interface ZooModel extends Omit<ModelEntry, "name"> {
  readonly build: (options: ZooOptions) => ModelGraph;
}

export function modelCatalogue(): readonly ModelEntry[] {
  return MODEL_NAMES.map((name) => ({ name, ...ZOO[name] }));
}

/**
 * Builds a model of the zoo; its output is logits `[classes]`. Unless `form` says otherwise, inputs of up to 64 pixels get the
 * form for small images, larger ones the ImageNet form (each model's file says how they differ). Throws `invalid-argument` for an unknown
 * name, and when the input is not `[height, width, channels]`.
 */
export function buildModel(options: BuildModelOptions): ModelGraph {
  const { model, norm, inputShape, classes, form } = options;
  if (!Object.hasOwn(ZOO, model)) {
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
  return ZOO[model].build({ norm, inputShape, classes, ...given({ form }) });
}

function imageNet(title: string, paper: string, parameters: number, build: ZooModel["build"]): ZooModel {
  return { title, paper, published: { parameters, inputShape: [224, 224, 3], classes: 1000 }, build };
}
