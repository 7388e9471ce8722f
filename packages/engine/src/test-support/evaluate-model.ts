import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outputsOf } from "../adaptation/probabilities.ts";
import { compileProgram } from "../compiler/compile-program.ts";
import type { Model } from "../model/model-graph.ts";
import { headOf } from "../model/model-head.ts";
import { withInputForm } from "../model/stated-input.ts";
import { ProgramSession } from "../session/program-session.ts";
import { withStagedWeights } from "../session/stage-weights.ts";
import { inputShapeOf } from "./engine-run.ts";

/** The engine's own evaluation of what the model itself gets; its logits become probabilities where the model ends so. */
export async function evaluateModel(model: Model, images: Float32Array): Promise<ArrayLike<number>> {
  const { weights } = model;
  const graph = withInputForm(model.graph, { range: "unit" });
  const folder = mkdtempSync(join(tmpdir(), "mpo-evaluate-"));
  const session = new ProgramSession(compileProgram({ graph }), folder);
  try {
    await withStagedWeights(graph, weights, folder, async (staged) => session.assignFrom(staged));
    const count = images.length / inputShapeOf(graph).reduce((product, extent) => product * extent, 1);
    return outputsOf(headOf(graph), session.logits({ images, count }), count);
  } finally {
    session.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
