import { type Model, type Samples, withNeutralNorms, withNormsPutBack } from "@mpo/engine";
import type { Files, Output, Stop } from "../command-context.ts";

/**
 * A model from ONNX with the normalisations that its exporter folded into convolutions, for a method without labels: it
 * trains these, or adapts their statistics. Without reference inputs it costs as much memory and time, but learns otherwise.
 */
export async function withNormsOf(
  model: Model,
  method: string,
  references: Samples | undefined,
  { environment, terminal, signal }: Files & Output & Stop,
): Promise<Model> {
  if (method === "crossEntropy") return model;
  const folded = "as where an exporter folded a batch normalisation into them: it is put back";
  if (references === undefined) {
    const planned = withNeutralNorms(model);
    const count = planned.onnx?.norms?.size ?? 0;
    if (planned !== model) terminal.note(`${count} convolutions have a bias, ${folded}, as it will be in a retraining`);
    return planned;
  }
  const putBack = await withNormsPutBack(model, references, { environment, signal });
  if (putBack === undefined) return model;
  terminal.note(
    `${putBack.count} convolutions have a bias, ${folded}, ` +
      `with the statistics of ${putBack.references} images as they were before the damage, and folded again in what is written`,
  );
  return putBack.model;
}
