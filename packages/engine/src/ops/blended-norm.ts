import type { GraphEmitter } from "../graph/graph-emitter.ts";

/** Mean and biased variance of each channel, `[channels]`. */
export interface ChannelMoments {
  readonly mean: string;
  readonly variance: string;
}

/** A micro-batch as its own statistics normalised it, and what that was made of. */
export interface OwnNormalised {
  readonly output: string;
  readonly own: ChannelMoments;
  readonly gamma: string;
  readonly beta: string;
  readonly epsilon: number;
}

/**
 * The same normalised by other moments. Written over what is there, channel by channel: with `k` the ratio of the deviations,
 * it is `y k + beta (1 - k) + gamma (own mean - mean) / deviation`.
 */
export function emitRenormalised(
  emit: GraphEmitter,
  { output, own, gamma, beta, epsilon }: OwnNormalised,
  { mean, variance }: ChannelMoments,
): string {
  const small = emit.float(epsilon);
  const inverse = emit.float32("Rsqrt", emit.float32("AddV2", variance, small));
  const ratio = emit.float32("Mul", emit.float32("Sqrt", emit.float32("AddV2", own.variance, small)), inverse);
  const fromCentre = emit.float32("Mul", emit.float32("Mul", gamma, inverse), emit.float32("Sub", own.mean, mean));
  const fromShift = emit.float32("Mul", beta, emit.float32("Sub", emit.float(1), ratio));
  const shift = emit.float32("AddV2", fromShift, fromCentre);
  return emit.float32("AddV2", emit.float32("Mul", output, ratio), shift);
}

/**
 * By how much moments change that go by `share` from running ones to a micro-batch's: as of a mixture of both, so that the
 * variance counts how far the means lie apart. Without that the variance of micro-batches of one image would lack what images
 * differ by.
 */
export function changeOf(
  emit: GraphEmitter,
  running: ChannelMoments,
  own: ChannelMoments,
  share: string,
): ChannelMoments {
  const apart = emit.float32("Sub", own.mean, running.mean);
  const rest = emit.float32("Sub", emit.float(1), share);
  const between = emit.float32("Mul", rest, emit.float32("Square", apart));
  const within = emit.float32("Sub", own.variance, running.variance);
  return {
    mean: emit.float32("Mul", share, apart),
    variance: emit.float32("Mul", share, emit.float32("AddV2", within, between)),
  };
}
