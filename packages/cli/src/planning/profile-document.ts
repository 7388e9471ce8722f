import { resolve } from "node:path";
import { type Chain, checked, type ExpectedProfile, fact, MpoError, type Profile, validateProfile } from "@mpo/core";
import { chainOf, graphDigest, type ModelGraph } from "@mpo/engine";
import { readJsonFile, writeJsonFile } from "@mpo/io";
import type { Files, Stop } from "../command-context.ts";

/** A profile with the graph that it is of: all that emulating and searching need, without the model's weights. */
export interface ProfileDocument {
  readonly profile: Profile;
  readonly graph: ModelGraph;
  readonly chain: Chain;
}

const KIND = "mpo-profile";
const DOCUMENT_VERSION = 1;
const MAX_BYTES = 64 * 2 ** 20;

/** Writes a profile's file in one step. */
export async function writeProfileDocument(
  path: string,
  { profile, graph }: Omit<ProfileDocument, "chain">,
  { workingFolder, signal }: Pick<Files, "workingFolder"> & Stop,
): Promise<void> {
  await writeJsonFile(
    resolve(workingFolder, path),
    { kind: KIND, version: DOCUMENT_VERSION, profile, graph },
    { signal },
  );
}

/**
 * Reads and checks a profile's file. Throws `not-found`; `invalid-data` when it is truncated, edited or no profile;
 * `precondition-failed` when it is of another version, model, device class or engine than expected.
 */
export async function readProfileDocument(
  path: string,
  { workingFolder, signal }: Pick<Files, "workingFolder"> & Stop,
  expected: ExpectedProfile = {},
): Promise<ProfileDocument> {
  const file = resolve(workingFolder, path);
  const value = await readJsonFile(file, { signal, maxBytes: MAX_BYTES });
  try {
    const { version } = checked(fact.object({ kind: fact.word([KIND]), version: fact.whole() }), value, "file");
    if (version !== DOCUMENT_VERSION) {
      throw new MpoError("precondition-failed", `version is ${version}; this release reads ${DOCUMENT_VERSION}`, {
        hint: "Probe the device again with this release.",
      });
    }
    const { profile: rawProfile, graph } = value as { readonly profile: unknown; readonly graph: ModelGraph };
    const profile = validateProfile(rawProfile, expected);
    return { profile, graph, chain: chainOfProfile(profile, graph) };
  } catch (thrown) {
    const error = MpoError.from(thrown);
    throw error.with({ message: `${path}: ${error.message}` });
  }
}

function chainOfProfile(profile: Profile, graph: ModelGraph): Chain {
  const digest = digestOf(graph);
  if (digest !== profile.model.graphDigest) {
    throw new MpoError("invalid-data", "graph is not the one that the profile was measured of", {
      hint: "The file was changed by hand; probe the model again.",
    });
  }
  const chain = chainOf(graph);
  if (chain.units.length !== profile.model.unitCount) {
    throw new MpoError(
      "invalid-data",
      `profile.model.unitCount is ${profile.model.unitCount}; its graph has ${chain.units.length} units`,
    );
  }
  return chain;
}

/** A graph that is no graph at all has a digest like no other. */
function digestOf(graph: unknown): string {
  if (typeof graph !== "object" || graph === null || !("nodes" in graph)) return "none";
  return graphDigest(graph as ModelGraph);
}
