import fc from "fast-check";
import type { Chain } from "../facts/chain.ts";
import { ChainBuilder } from "./chain-builder.ts";

export type NormKind = "batchNorm" | "groupNorm";

/** Four units: conv-norm-relu, a residual block, conv-norm (ends with a normalisation), flatten-dense. */
export function tinyChain(norm: NormKind = "batchNorm"): Chain {
  const builder = new ChainBuilder(48);
  builder.conv(64, 108);
  builder[norm](4);
  builder.relu();
  builder.endUnit("stem");
  residualBlock(builder, 64, 144, 4, norm);
  builder.endUnit("block");
  builder.conv(32, 72);
  builder[norm](2);
  builder.endUnit("bottleneck");
  builder.flatten();
  builder.dense(12, 96);
  builder.endUnit("head");
  return builder.build("tiny");
}

/** The size of ResNet-20 on 32x32 images (nine basic blocks), or of ResNet-101 (33 bottleneck blocks): synthetic, for timing. */
export function resnetLikeChain(depth: 20 | 101, norm: NormKind = "batchNorm"): Chain {
  const stages =
    depth === 20
      ? [
          { blocks: 3, pixels: 1024, channels: 16, wide: 16 },
          { blocks: 3, pixels: 256, channels: 32, wide: 32 },
          { blocks: 3, pixels: 64, channels: 64, wide: 64 },
        ]
      : [
          { blocks: 3, pixels: 1024, channels: 64, wide: 256 },
          { blocks: 4, pixels: 256, channels: 128, wide: 512 },
          { blocks: 23, pixels: 64, channels: 256, wide: 1024 },
          { blocks: 3, pixels: 16, channels: 512, wide: 2048 },
        ];
  const first = stages[0] as (typeof stages)[0];
  const builder = new ChainBuilder(12288);
  builder.conv(first.pixels * first.channels * 4, 108 * first.channels, 0, first.pixels);
  builder[norm](first.channels);
  builder.relu();
  builder.endUnit("stem");
  let inputChannels = first.channels;
  for (const { blocks, pixels, channels, wide } of stages) {
    for (let block = 0; block < blocks; block++) {
      const from = builder.last;
      const narrowBytes = pixels * channels * 4;
      const wideBytes = pixels * wide * 4;
      if (depth === 101) {
        builder.conv(narrowBytes, 4 * inputChannels * channels, from, pixels);
        builder[norm](channels);
        builder.relu();
      }
      builder.conv(narrowBytes, 36 * (depth === 101 ? channels : inputChannels) * channels, builder.last, pixels);
      builder[norm](channels);
      builder.relu();
      builder.conv(wideBytes, (depth === 101 ? 4 : 36) * channels * wide, builder.last, pixels);
      const path = builder[norm](wide);
      let skip = from;
      if (block === 0) {
        builder.conv(wideBytes, 4 * inputChannels * wide, from, pixels);
        skip = builder[norm](wide);
      }
      builder.add(path, skip);
      builder.relu();
      builder.endUnit();
      inputChannels = wide;
    }
  }
  builder.dense(40, 40 * inputChannels);
  builder.endUnit("head");
  return builder.build(`resnet${depth}-like`);
}

/** Random chains of 2 to 7 units of every kind that models have. The last unit is a dense head. */
export function arbitraryChain(): fc.Arbitrary<Chain> {
  const unit = fc.record({
    kind: fc.constantFrom("conv-norm-relu", "conv-norm", "residual", "relu", "conv", "flatten", "norm-relu-conv"),
    bytes: fc.integer({ min: 1, max: 40 }).map((words) => 4 * words),
    kernel: fc.integer({ min: 1, max: 200 }).map((words) => 4 * words),
  });
  return fc
    .record({
      norm: fc.constantFrom<NormKind>("batchNorm", "groupNorm"),
      input: fc.integer({ min: 1, max: 40 }).map((words) => 4 * words),
      units: fc.array(unit, { minLength: 1, maxLength: 6 }),
    })
    .map(({ norm, input, units }) => {
      const builder = new ChainBuilder(input);
      let lastBytes = input;
      for (const { kind, bytes, kernel } of units) {
        if (kind === "residual") {
          residualBlock(builder, lastBytes, kernel, 2, norm);
        } else if (kind === "relu") {
          builder.relu();
        } else if (kind === "flatten") {
          builder.flatten();
        } else if (kind === "norm-relu-conv") {
          builder[norm](2);
          builder.relu();
          lastBytes = bytes;
          builder.conv(bytes, kernel);
        } else {
          lastBytes = bytes;
          builder.conv(bytes, kernel);
          if (kind !== "conv") builder[norm](2);
          if (kind === "conv-norm-relu") builder.relu();
        }
        builder.endUnit();
      }
      builder.dense(8, 64);
      builder.endUnit("head");
      return builder.build("random");
    });
}

function residualBlock(builder: ChainBuilder, bytes: number, kernelBytes: number, channels: number, norm: NormKind) {
  const from = builder.last;
  builder.conv(bytes, kernelBytes);
  builder[norm](channels);
  builder.relu();
  builder.conv(bytes, kernelBytes);
  const path = builder[norm](channels);
  builder.add(path, from);
  builder.relu();
}
