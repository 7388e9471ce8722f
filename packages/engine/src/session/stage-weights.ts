import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import { elementsOf, type ModelGraph, type ModelWeights } from "../model/model-graph.ts";
import { graphVariables } from "../model/variables.ts";

/**
 * Writes weights where a session reads them from (one file for each variable, in the graph's order), lets `use` run, and
 * removes them. Throws `invalid-data` when a variable is missing or has another size.
 */
export async function withStagedWeights<Result>(
  graph: ModelGraph,
  weights: ModelWeights,
  temporaryFolder: string,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(temporaryFolder, "mpo-weights-"));
  try {
    for (const [index, { name, spec }] of graphVariables(graph).entries()) {
      const data = weights.get(name);
      if (data === undefined) throw new MpoError("invalid-data", `the weights have no ${name}`);
      const expected = elementsOf(spec.shape);
      if (data.length !== expected) {
        throw new MpoError("invalid-data", `${name} has ${data.length} values; expected ${expected} [${spec.shape}]`);
      }
      await writeFile(join(folder, String(index)), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
