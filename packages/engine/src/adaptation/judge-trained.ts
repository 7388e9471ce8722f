import { collectGarbage } from "@mpo/io";
import type { ModelWeights } from "../model/model-graph.ts";
import { interpolate, JUDGED_SHARES } from "./interpolation.ts";
import { type Candidate, type Judgement, judge } from "./judge.ts";
import { evaluateJudged, type RetrainContext, type Trained } from "./retrain-context.ts";
import type { StopReason } from "./training-guard.ts";

/**
 * Judges what was trained, and parts of the way to it while it is before `untilMs`; the whole in any case.
 */
export async function judgeTrained(
  context: RetrainContext,
  trained: Trained,
  before: Float32Array,
  untilMs: number,
): Promise<Judgement & { readonly weights: ModelWeights }> {
  const { model, samples, judgedOn = samples } = context.retraining;
  const { weights, stopped } = trained;
  if (weights === undefined) {
    await context.worker.assignWeights(model.weights, context.call);
    return { ...judge(before, [], judgedOn), reason: whyNothing(stopped), weights: model.weights };
  }
  const candidates: Candidate[] = [];
  for (const share of JUDGED_SHARES) {
    if (share < 1 && performance.now() > untilMs) break;
    candidates.push({ share, logits: await logitsOf(context, interpolate(model.weights, weights, share)) });
    collectGarbage("most");
  }
  const judgement = judge(before, candidates, judgedOn);
  const chosen = interpolate(model.weights, weights, judgement.share);
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
