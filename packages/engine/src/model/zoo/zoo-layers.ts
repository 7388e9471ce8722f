import type { ConvOptions, DepthwiseOptions, GraphBuilder } from "../graph-builder.ts";
import type { ActivationName, SampleShape } from "../model-graph.ts";

/** Which normalisation a zoo model has: BatchNorm as published, or GroupNorm, whose result does not depend on the batch. */
export const NORM_NAMES = ["batch", "group"] as const;
export type NormName = (typeof NORM_NAMES)[number];

/** What every zoo model is built from. */
export interface ZooOptions {
  readonly norm: NormName;
  readonly inputShape: SampleShape;
  readonly classes: number;
  /** Default: `small` up to 64 pixels in the shorter extent, else `imagenet`. ResNet-20 has the small form only. */
  readonly form?: FormName;
}

/**
 * `small`: for images like CIFAR's (32 x 32), keeps the resolution at the beginning. `imagenet`: as published for
 * 224 x 224, with a strided beginning that throws most of so small an image away.
 */
export const FORM_NAMES = ["small", "imagenet"] as const;
export type FormName = (typeof FORM_NAMES)[number];

/** Settings of the batch normalisation, as each paper's reference code has them. */
export interface BatchNormSettings {
  readonly epsilon: number;
  readonly momentum: number;
}

const LARGEST_SMALL_EXTENT = 64;
const MOST_GROUPS = 32;
const GROUP_NORM_EPSILON = 1e-5;
const DEFAULT_BATCH_NORM: BatchNormSettings = { epsilon: 1e-5, momentum: 0.9 };

/** Whether the form for small images is built. */
export function usesSmallForm(form: FormName | undefined, inputShape: SampleShape): boolean {
  if (form !== undefined) return form === "small";
  const [height = 1, width = 1] = inputShape;
  return Math.min(height, width) <= LARGEST_SMALL_EXTENT;
}

/**
 * Groups of a group normalisation: the largest power of two, at most 32 (Wu and He 2018), that divides the channels
 * and leaves at least two channels in a group (with one it would be instance normalisation).
 */
export function groupsFor(channels: number): number {
  let groups = MOST_GROUPS;
  while (groups > 1 && (channels % groups !== 0 || channels / groups < 2)) groups /= 2;
  return groups;
}

/** The layers that recur in every zoo model, with the model's normalisation. */
export interface ZooLayers {
  norm(x: string, name: string): string;
  /** Convolution without bias, normalisation, activation unless "linear": `<name>_conv`, `<name>_norm`, `<name>_act`. */
  conv(x: string, options: ConvOptions, activation: ActivationName, name: string): string;
  /** 7x7 of stride 2 and 3x3 max pooling of stride 2; for small images 3x3 of stride 1, and no pooling. */
  stem(x: string, filters: number, isSmall: boolean): string;
  /** The same as `conv` with a depthwise convolution. */
  depthwise(x: string, options: DepthwiseOptions, activation: ActivationName, name: string): string;
}

/** Binds the recurring layers to a builder and a normalisation. */
export function zooLayers(
  g: GraphBuilder,
  norm: NormName,
  batchNorm: BatchNormSettings = DEFAULT_BATCH_NORM,
): ZooLayers {
  const normalised = (x: string, name: string): string =>
    norm === "batch"
      ? g.batchNorm(x, batchNorm, name)
      : g.groupNorm(x, { groups: groupsFor(g.channelsOf(x)), epsilon: GROUP_NORM_EPSILON }, name);
  const finished = (x: string, activation: ActivationName, name: string): string => {
    const y = normalised(x, `${name}_norm`);
    return activation === "linear" ? y : g.activation(y, activation, `${name}_act`);
  };
  const conv: ZooLayers["conv"] = (x, options, activation, name) =>
    finished(g.conv2d(x, options, `${name}_conv`), activation, name);
  return {
    norm: normalised,
    conv,
    stem: (x, filters, isSmall) =>
      isSmall
        ? conv(x, { filters, kernelSize: 3 }, "relu", "stem")
        : g.maxPool(
            conv(x, { filters, kernelSize: 7, strides: 2 }, "relu", "stem"),
            { poolSize: 3, strides: 2 },
            "stem_pool",
          ),
    depthwise: (x, options, activation, name) =>
      finished(g.depthwiseConv2d(x, options, `${name}_conv`), activation, name),
  };
}
