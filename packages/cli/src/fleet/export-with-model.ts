import { resolve } from "node:path";
import { MpoError, type Profile } from "@mpo/core";
import { graphDigest, readModel, withNeutralNorms } from "@mpo/engine";
import type { Files, Stop } from "../command-context.ts";
import { writeProfileDocument } from "../planning/profile-document.ts";

/** Writes a profile with the graph of its model. Throws `invalid-argument` when the folder holds another model. */
export async function exportWithModel(
  profile: Profile,
  { output, weights }: { readonly output: string; readonly weights: string },
  context: Files & Stop,
): Promise<void> {
  const model = await readModel(resolve(context.workingFolder, weights), context);
  // The device may have put normalisations back that an exporter folded.
  const graphs = [model, withNeutralNorms(model)].map((one) => one.graph);
  const graph = graphs.find((one) => graphDigest(one) === profile.model.graphDigest);
  if (graph === undefined) {
    throw new MpoError("invalid-argument", `${weights} is another model than the profile is of`, {
      hint: `Give the folder of ${profile.model.name} as it was deployed on ${profile.device.id}.`,
    });
  }
  await writeProfileDocument(output, { profile, graph }, context);
}
