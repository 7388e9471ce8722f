import { collectGarbage } from "@mpo/io";
import type { ModelWeights } from "../model/model-graph.ts";
import { areOfFewClasses, withStatisticsOf } from "./few-classes.ts";
import { interpolate, JUDGED_SHARES } from "./interpolation.ts";
import { type Candidate, type Judgement, judge } from "./judge.ts";
import { evaluateJudged, type RetrainContext } from "./retrain-context.ts";
import type { StopReason } from "./training-guard.ts";

interface Trained {
  /** What training began with. */
  readonly from: ModelWeights;
  /** What it ended with; undefined: no epoch of it went well. */
  readonly weights: ModelWeights | undefined;
  readonly stopped: StopReason;
}

/**
 * Judges what was trained, and parts of the way to it while it is before `untilMs`; the whole in any case. Without labels,
 * nothing of it is to serve where the samples look as if they were of few classes.
 */
export async function judgeTrained(
  context: RetrainContext,
  trained: Trained,
  before: Float32Array,
  untilMs: number,
): Promise<Judgement & { readonly weights: ModelWeights }> {
  const { model, samples, judgedOn = samples } = context.retraining;
  const { weights, stopped } = trained;
  const rejected = (reason: string) => ({ ...judge(before, [], judgedOn), reason, weights: model.weights });
  if (weights === undefined) return rejected(`the training ${stopped} in its first epoch`);
  if (judgedOn.labels === undefined && (await isOfFewClasses(context, { ...trained, weights }, before))) {
    await context.worker.assignWeights(model.weights, context.call);
    return rejected("its inputs seem to be of few classes, which says nothing of the others");
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

/** Whether the judged samples look so, by the statistics that the training took of its inputs. */
async function isOfFewClasses(
  context: RetrainContext,
  { from, weights }: Trained & { readonly weights: ModelWeights },
  before: Float32Array,
): Promise<boolean> {
  const { model, samples, judgedOn = samples } = context.retraining;
  const normalised = withStatisticsOf(model.graph, from, weights);
  return normalised !== undefined && areOfFewClasses(before, await logitsOf(context, normalised), judgedOn.count);
}

async function logitsOf(context: RetrainContext, weights: ModelWeights): Promise<Float32Array> {
  await context.worker.assignWeights(weights, context.call);
  return await evaluateJudged(context);
}
