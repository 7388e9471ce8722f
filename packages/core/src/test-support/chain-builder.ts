import { type AffineBytes, fixedBytes, NO_BYTES, perSampleBytes } from "../facts/affine-bytes.ts";
import type { Chain, ChainOp, ChainParameter, ChainUnit, ChainValue, GradientNeeds } from "../facts/chain.ts";
import type { LayerClass } from "../facts/layer-classes.ts";

const NOTHING: GradientNeeds = { inputs: [], output: false, statistics: false };
const INPUT: GradientNeeds = { inputs: [0], output: false, statistics: false };
const OUTPUT: GradientNeeds = { inputs: [], output: true, statistics: false };
const INPUT_AND_STATISTICS: GradientNeeds = { inputs: [0], output: false, statistics: true };

interface OpOptions {
  readonly kind: string;
  readonly inputs: readonly number[];
  readonly outputBytes: number;
  readonly parameters?: readonly { readonly bytes: number; readonly layerClass: LayerClass }[];
  readonly statisticsBytes?: AffineBytes;
  readonly isAlias?: boolean;
  readonly forwardWork?: AffineBytes;
  readonly overwrites?: readonly number[];
  readonly flopsPerSample?: number;
  readonly passesThrough?: boolean;
  readonly isJoint?: boolean;
  readonly inputNeeds?: GradientNeeds;
  readonly parameterNeeds?: GradientNeeds;
  readonly inputWork?: AffineBytes;
  readonly parameterWork?: AffineBytes;
  readonly overwritesGradient?: boolean;
}

/** Builds chains by hand for tests, with the op facts that the engine's table has. Sizes are bytes for one sample. */
export class ChainBuilder {
  readonly #values: ChainValue[] = [];
  readonly #parameters: ChainParameter[] = [];
  readonly #ops: ChainOp[] = [];
  readonly #units: ChainUnit[] = [];
  #unitFirstOp = 0;
  #unitInput = 0;

  constructor(inputBytes: number) {
    this.#values.push({ id: 0, name: "input", bytes: perSampleBytes(inputBytes), unit: -1 });
  }

  /** The value made last. */
  get last(): number {
    return this.#values.length - 1;
  }

  /** `pixels` is the output's: how often the kernel is applied to a sample. */
  conv(outputBytes: number, kernelBytes: number, input: number = this.last, pixels: number = 1): number {
    const reordered = fixedBytes(kernelBytes);
    return this.#op({
      kind: "conv2d",
      inputs: [input],
      outputBytes,
      parameters: [{ bytes: kernelBytes, layerClass: "featureExtraction" }],
      forwardWork: reordered,
      inputWork: reordered,
      parameterWork: reordered,
      flopsPerSample: (kernelBytes / 2) * pixels,
      parameterNeeds: INPUT,
    });
  }

  batchNorm(channels: number): number {
    return this.#op({
      kind: "batchNorm",
      inputs: [this.last],
      outputBytes: this.#bytesOf(this.last),
      parameters: [
        { bytes: 4 * channels, layerClass: "normalisation" },
        { bytes: 4 * channels, layerClass: "normalisation" },
      ],
      statisticsBytes: fixedBytes(16 * channels),
      flopsPerSample: 2 * this.#bytesOf(this.last),
      isJoint: true,
      inputNeeds: INPUT_AND_STATISTICS,
      parameterNeeds: INPUT_AND_STATISTICS,
    });
  }

  groupNorm(channels: number): number {
    const bytes = this.#bytesOf(this.last);
    return this.#op({
      kind: "groupNorm",
      inputs: [this.last],
      outputBytes: bytes,
      parameters: [{ bytes: 4 * channels, layerClass: "normalisation" }],
      statisticsBytes: perSampleBytes(16),
      forwardWork: perSampleBytes(8 * channels),
      inputWork: perSampleBytes(bytes),
      parameterWork: perSampleBytes(4 * channels),
      flopsPerSample: 2 * bytes,
      isJoint: true,
      inputNeeds: INPUT_AND_STATISTICS,
      parameterNeeds: INPUT_AND_STATISTICS,
      overwritesGradient: true,
    });
  }

  relu(): number {
    const bytes = this.#bytesOf(this.last);
    return this.#op({
      kind: "relu",
      inputs: [this.last],
      outputBytes: bytes,
      overwrites: [0],
      flopsPerSample: bytes / 4,
      inputNeeds: OUTPUT,
      overwritesGradient: true,
    });
  }

  add(left: number, right: number): number {
    const outputBytes = this.#bytesOf(left);
    return this.#op({
      kind: "add",
      inputs: [left, right],
      outputBytes,
      overwrites: [0, 1],
      flopsPerSample: outputBytes / 4,
      passesThrough: true,
    });
  }

  flatten(): number {
    return this.#op({
      kind: "flatten",
      inputs: [this.last],
      outputBytes: this.#bytesOf(this.last),
      isAlias: true,
      overwrites: [],
    });
  }

  dense(outputBytes: number, kernelBytes: number): number {
    const reordered = fixedBytes(kernelBytes);
    return this.#op({
      kind: "dense",
      inputs: [this.last],
      outputBytes,
      parameters: [
        { bytes: kernelBytes, layerClass: "linear" },
        { bytes: outputBytes, layerClass: "linear" },
      ],
      forwardWork: reordered,
      inputWork: reordered,
      flopsPerSample: kernelBytes / 2,
      parameterNeeds: INPUT,
    });
  }

  /** Ends a unit: the operations since the last end belong to it. */
  endUnit(name: string = `unit${this.#units.length}`): void {
    const lastOp = this.#ops.length - 1;
    this.#units.push({ name, firstOp: this.#unitFirstOp, lastOp, input: this.#unitInput, output: this.last });
    this.#unitFirstOp = lastOp + 1;
    this.#unitInput = this.last;
  }

  build(model: string): Chain {
    return {
      model,
      input: 0,
      output: this.last,
      values: this.#values,
      parameters: this.#parameters,
      ops: this.#ops,
      units: this.#units,
    };
  }

  #bytesOf(value: number): number {
    return (this.#values[value] as ChainValue).bytes.perSample;
  }

  #op(options: OpOptions): number {
    const id = this.#ops.length;
    const output = this.#values.length;
    const unit = this.#units.length;
    const layer = `${options.kind}${id}`;
    const parameters = (options.parameters ?? []).map(({ bytes, layerClass }) => {
      const parameter = this.#parameters.length;
      this.#parameters.push({ id: parameter, name: `${layer}/${parameter}`, layer, layerClass, bytes });
      return parameter;
    });
    this.#values.push({ id: output, name: layer, bytes: perSampleBytes(options.outputBytes), unit });
    this.#ops.push({
      id,
      name: layer,
      kind: options.kind,
      unit,
      inputs: options.inputs,
      output,
      parameters,
      ...(options.statisticsBytes === undefined ? {} : { statisticsBytes: options.statisticsBytes }),
      isAlias: options.isAlias ?? false,
      forward: {
        workBytes: options.forwardWork ?? NO_BYTES,
        overwrites: options.overwrites ?? [],
        flopsPerSample: options.flopsPerSample ?? 0,
      },
      backward: {
        passesThrough: options.passesThrough ?? false,
        isJoint: options.isJoint ?? false,
        inputNeeds: options.inputNeeds ?? NOTHING,
        parameterNeeds: options.parameterNeeds ?? NOTHING,
        inputWorkBytes: options.inputWork ?? NO_BYTES,
        parameterWorkBytes: options.parameterWork ?? NO_BYTES,
        overwritesGradient: options.overwritesGradient ?? false,
      },
    });
    return output;
  }
}
