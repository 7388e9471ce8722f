import { createRandom, type InputForm } from "@mpo/datasets";
import { firstSamples, type Samples } from "../training/batches.ts";
import { toModelInput } from "./input-form.ts";
import { elementsOf, type Model, type ModelGraph, type ModelNode, type Size2D } from "./model-graph.ts";
import { inputOf, withInputForm } from "./stated-input.ts";

/** What models are trained on: 0..1, -1..1, 0..255, and as torchvision and Keras' older models do. */
const IMAGENET = [0.485, 0.456, 0.406];
const FORMS: readonly InputForm[] = [
  { range: "unit" },
  { range: "symmetric" },
  { range: "bytes" },
  { range: { mean: IMAGENET, deviation: [0.229, 0.224, 0.225] } },
  { range: { mean: IMAGENET.toReversed(), deviation: [1 / 255] }, order: "bgr" },
];
/** Images, and places in them, that are looked at: enough for a mean and a variance, in little memory. */
const MOST_IMAGES = 64;
const MOST_VALUES = 2 ** 20;
const PLACES = 1_024;
/** A form is called wrong only where another fits so much better: other light and other places move statistics too. */
const FACTOR = 3;
const LEAST_DISTANCE = 0.5;
/** Moving statistics begin at mean 0 and variance 1: a short training leaves a share of that. */
const SHARES_OF_START = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const NOTHING_OF_START = [0];
/**
 * Of 0..1, from the darkest to the brightest hundredth of values. A white haze over half of the light is what -1..1 is undone:
 * images without dark or without bright places may be either, and say nothing.
 */
const LEAST_SPAN = 0.7;
const OUTER = 0.01;
/** No channel alone decides. */
const MOST_BY_CHANNEL = 100;

/** What the images say of a model's input. */
export interface InputCheck {
  /** False: the model does not begin with a normalisation, or these images are too much alike, to say anything. */
  readonly isKnown: boolean;
  /** What it was likely trained on, where that is not what is stated (0..1 where nothing is). */
  readonly likely?: InputForm;
}

/**
 * Compares the first normalisation's moving mean and variance with those of images (0..1) after the first convolution, as
 * stated and in the other usual forms.
 */
export function checkInput({ graph, weights, onnx }: Model, { images, count }: Samples): InputCheck {
  const first = firstNormalisation(graph);
  if (first === undefined || count === 0) return { isKnown: false };
  // One that was put back has statistics of images that were prepared as is stated.
  if ([...(onnx?.norms?.values() ?? [])].includes(first.norm.name)) return { isKnown: false };
  const { shape, form: stated = { range: "unit" } as const } = inputOf(graph);
  const some = someOf({ images, count }, shape);
  if (spanOf(some.images) < LEAST_SPAN) return { isKnown: false };
  const distanceOf = distanceFrom({ graph, weights }, first, some, SHARES_OF_START);
  const isPossible = (form: InputForm): boolean => shape[2] === 3 || typeof form.range === "string";
  const others = FORMS.filter(isPossible).map((form) => ({ form, by: distanceOf(form) }));
  const [best] = others.toSorted((left, right) => left.by - right.by);
  const own = distanceOf(stated);
  const isWrong = best !== undefined && own > LEAST_DISTANCE && own > FACTOR * best.by;
  return { isKnown: true, ...(isWrong ? { likely: best.form } : {}) };
}

/**
 * How far a model's first normalisation is from images (0..1), as they are prepared for it: of two models of one graph, the one
 * that is nearer has seen images like these. Undefined: it does not begin with one.
 */
export function distanceToInputs({ graph, weights }: Omit<Model, "onnx">, samples: Samples): number | undefined {
  const first = firstNormalisation(graph);
  if (first === undefined || samples.count === 0) return undefined;
  const { shape, form = { range: "unit" } as const } = inputOf(graph);
  return distanceFrom({ graph, weights }, first, someOf(samples, shape), NOTHING_OF_START)(form);
}

function someOf(samples: Samples, shape: readonly number[]): Samples {
  return firstSamples(samples, Math.min(MOST_IMAGES, Math.max(1, Math.floor(MOST_VALUES / elementsOf(shape)))));
}

/** How far the first normalisation's moving statistics are from those of images, by how these are prepared. */
function distanceFrom(
  { graph, weights }: Omit<Model, "onnx">,
  { norm, window: node }: FirstNormalisation,
  { images, count }: Samples,
  shares: readonly number[],
): (form: InputForm) => number {
  const { shape } = inputOf(graph);
  const window = windowOf(node, weights, shape.at(-1) ?? 1);
  const prepared = new Float32Array(images.length);
  const [mean = [], variance = []] = ["mean", "variance"].map((name) => weights.get(`${norm.name}/moving_${name}`));
  return (form) => {
    const input = toModelInput(images, inputOf(withInputForm(graph, form)), () => prepared);
    const found = statisticsAfter(window, input, count, shape);
    return distance(found, { mean, variance }, shares, norm.attributes.epsilon);
  };
}

function spanOf(values: Float32Array): number {
  const sorted = values.toSorted();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  return at(1 - OUTER) - at(OUTER);
}

type Convolution = Extract<ModelNode, { readonly kind: "conv2d" | "depthwiseConv2d" }>;
type Normalisation = Extract<ModelNode, { readonly kind: "batchNorm" }>;

interface FirstNormalisation {
  readonly norm: Normalisation;
  readonly window: Convolution | undefined;
}

/** The first normalisation, where nothing but padding and one convolution lies between it and the images. */
function firstNormalisation({ nodes }: ModelGraph): FirstNormalisation | undefined {
  let window: Convolution | undefined;
  let name = nodes[0]?.name ?? "";
  for (;;) {
    const [reader, ...others] = nodes.filter(({ inputs }) => inputs.includes(name));
    if (reader === undefined || others.length > 0) return undefined;
    if (reader.kind === "batchNorm") return { norm: reader, window };
    if (reader.kind === "conv2d" || reader.kind === "depthwiseConv2d") {
      if (window !== undefined) return undefined;
      window = reader;
    } else if (reader.kind !== "zeroPad") return undefined;
    ({ name } = reader);
  }
}

/** A convolution with groups; that by channels is one of a group each, and none is one of a single 1. */
interface Window {
  readonly kernelSize: Size2D;
  readonly dilation: Size2D;
  readonly groups: number;
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
}

function windowOf(node: Convolution | undefined, weights: Model["weights"], channels: number): Window {
  const ones = new Float32Array(channels).fill(1);
  const none = new Float32Array(channels);
  if (node === undefined) return { kernelSize: [1, 1], dilation: [1, 1], groups: channels, kernel: ones, bias: none };
  const { kernelSize, dilation } = node.attributes;
  const [parameter, groups, filters] =
    node.kind === "conv2d"
      ? ["kernel", node.attributes.groups, node.attributes.filters]
      : ["depthwise_kernel", channels, channels * node.attributes.depthMultiplier];
  const kernel = weights.get(`${node.name}/${parameter}`) ?? none;
  return { kernelSize, dilation, groups, kernel, bias: weights.get(`${node.name}/bias`) ?? new Float32Array(filters) };
}

interface Statistics {
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
}

/** Of the window at random places that lie within the images, by filter. */
function statisticsAfter(window: Window, images: Float32Array, count: number, shape: readonly number[]): Statistics {
  const [height = 1, width = 1, channels = 1] = shape;
  const { kernelSize, dilation, groups, kernel, bias } = window;
  const filters = bias.length;
  const inGroup = channels / groups;
  const random = createRandom(0);
  const mean = new Float64Array(filters);
  const squares = new Float64Array(filters);
  for (let place = 0; place < PLACES; place++) {
    const values = Float64Array.from(bias);
    const top = random.integer(Math.max(1, height - (kernelSize[0] - 1) * dilation[0]));
    const left = random.integer(Math.max(1, width - (kernelSize[1] - 1) * dilation[1]));
    for (let tap = 0; tap < kernelSize[0] * kernelSize[1]; tap++) {
      const row = top + Math.floor(tap / kernelSize[1]) * dilation[0];
      const column = left + (tap % kernelSize[1]) * dilation[1];
      const pixel = (((place % count) * height + row) * width + column) * channels;
      for (let filter = 0; filter < filters; filter++) {
        const group = Math.floor((filter * groups) / filters);
        for (let channel = 0; channel < inGroup; channel++) {
          const value = images[pixel + group * inGroup + channel] ?? 0;
          values[filter]! += value * kernel[(tap * inGroup + channel) * filters + filter]!;
        }
      }
    }
    for (const [filter, value] of values.entries()) {
      mean[filter]! += value / PLACES;
      squares[filter]! += value ** 2 / PLACES;
    }
  }
  return { mean, variance: squares.map((square, filter) => Math.max(0, square - mean[filter]! ** 2)) };
}

/**
 * How far moving statistics are from those that were found, whichever of these shares of their start is left: over the filters, the
 * mean of the squares of how far the mean is off, in deviations, and of the logarithm of the variances' ratio.
 */
function distance(found: Statistics, moving: Statistics, shares: readonly number[], epsilon: number): number {
  const filters = Array.from(found.mean, (_, filter) => filter);
  const byShare = shares.map((share) => {
    const sum = filters.reduce((total, filter) => {
      const mean = (1 - share) * found.mean[filter]!;
      const variance = (1 - share) * found.variance[filter]! + share + epsilon;
      const kept = moving.variance[filter]! + epsilon;
      const off = (mean - moving.mean[filter]!) ** 2 / Math.min(variance, kept) + Math.log(variance / kept) ** 2;
      return total + Math.min(MOST_BY_CHANNEL, off);
    }, 0);
    return sum / filters.length;
  });
  return Math.min(...byShare);
}
