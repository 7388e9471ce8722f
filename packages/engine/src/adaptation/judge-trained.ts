import { collectGarbage } from "@mpo/io";
import type { ModelWeights } from "../model/model-graph.ts";
import { interpolate, JUDGED_SHARES } from "./interpolation.ts";
import { type Candidate, type Judgement, judge } from "./judge.ts";
import { evaluateJudged, type RetrainContext, type Trained } from "./retrain-context.ts";
import type { StopReason } from "./training-guard.ts";

/** What the candidates are compared with. */
interface Base {
  readonly base: ModelWeights;
  /** Its logits of the judged samples. */
  readonly before: Float32Array;
}

/**
 * Judges what was trained, and parts of the way to it while it is before `untilMs`; the whole in any case. Where it gains nothing,
 * the base serves from then on: that is a change, and accepted, where other weights serve now.
 */
export async function judgeTrained(
  context: RetrainContext,
  trained: Trained,
  { base, before }: Base,
  untilMs: number,
): Promise<Judgement & { readonly weights: ModelWeights }> {
  const { model } = context.retraining;
  const judged = await judgeAgainst(context, trained, { base, before }, untilMs);
  if (judged.isAccepted || base === model.weights) return judged;
  const reason = `${judged.reason}; back to the weights as deployed, which its inputs fit better`;
  return { ...judged, isAccepted: true, reason };
}

async function judgeAgainst(
  context: RetrainContext,
  { weights, stopped }: Trained,
  { base, before }: Base,
  untilMs: number,
): Promise<Judgement & { readonly weights: ModelWeights }> {
  const { samples, judgedOn = samples } = context.retraining;
  if (weights === undefined) {
    await context.worker.assignWeights(base, context.call);
    return { ...judge(before, [], judgedOn), reason: whyNothing(stopped), weights: base };
  }
  const candidates: Candidate[] = [];
  for (const share of JUDGED_SHARES) {
    if (share < 1 && performance.now() > untilMs) break;
    candidates.push({ share, logits: await logitsOf(context, interpolate(base, weights, share)) });
    collectGarbage("most");
  }
  const judgement = judge(before, candidates, judgedOn);
  const chosen = interpolate(base, weights, judgement.share);
  await context.worker.assignWeights(chosen, context.call);
  return { ...judgement, weights: chosen };
}

function whyNothing(stopped: StopReason): string {
  if (stopped === "fewClasses") return "its inputs seem to be of few classes, which says nothing of the others";
  return `the training ${stopped} in its first epoch`;
}

async function logitsOf(context: RetrainContext, weights: ModelWeights): Promise<Float32Array> {
  await context.worker.assignWeights(weights, context.call);
  return await evaluateJudged(context);
}
