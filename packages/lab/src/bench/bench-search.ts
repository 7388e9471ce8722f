import { type CommandContext, createTable } from "@mpo/cli";
import { MIB, median, plannerOf, planStep, quantile, residentGrowth } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { buildModel, chainOf, graphDigest, methodNamed, parameterCount, stepMemoryFacts } from "@mpo/engine";
import { PROCESSOR } from "../harness.ts";
import { simulatedProfiles } from "./simulated-profile.ts";

export interface BenchSearchOptions {
  readonly repeats: number;
  readonly seed: number;
}

const SUBJECTS = ["resnet20", "resnet101"] as const;
const BATCH = 256;
const P95 = 0.95;
/** Of what the plain step needs. */
const BUDGET_SHARE = 0.3;
const WINDOW_MS = 600_000;
const DEVICE = { id: "simulated", class: "simulated" };

/**
 * Times the whole search of one device, from its profile to the ladder, and a re-plan when the memory changes: all in
 * this thread. The profiles are made up, seeded, on the chains of real models: what a search costs depends on the chain.
 */
export async function benchSearch(options: BenchSearchOptions, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const head = ["model", "units", "configs", "search ms", "95th percentile", "first ms", "re-plan ms", "95th"];
  const table = createTable(terminal, head);
  for (const model of SUBJECTS) {
    const graph = buildModel({ model, norm: "batch", inputShape: [32, 32, 3], classes: 10 });
    const chain = chainOf(graph);
    const { loss, optimizer } = methodNamed("crossEntropy");
    const memoryFacts = stepMemoryFacts(chain, { loss, optimizer });
    const most = residentGrowth(planStep(chain, { microBatch: BATCH }), memoryFacts);
    const profileOf = simulatedProfiles(chain, {
      model: {
        ...{ name: model, graphDigest: graphDigest(graph), unitCount: chain.units.length },
        ...{ parameterCount: parameterCount(graph).trainable, hasBatchStatistics: true },
      },
      method: { loss, optimizer: optimizer.kind },
      memoryFacts,
      effectiveBatch: BATCH,
    });
    const searches: number[] = [];
    const replans: number[] = [];
    let candidates = 0;
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      signal.throwIfAborted();
      const random = createRandom(options.seed + repeat);
      // Each time another device of the model: its measurements differ by a little.
      const own = profileOf({ device: DEVICE, seed: options.seed + repeat });
      const began = performance.now();
      // Planners of one chain share what does not depend on the device; the first search fills it.
      const planner = plannerOf(own, chain);
      planner.search({ memoryBytes: BUDGET_SHARE * most, windowMs: WINDOW_MS });
      searches.push(performance.now() - began);
      candidates = planner.candidates.count;
      const budget = { memoryBytes: Math.max(24 * MIB, random.uniform() * most), windowMs: WINDOW_MS };
      const replanFrom = performance.now();
      planner.search(budget);
      replans.push(performance.now() - replanFrom);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // The first one meets cold code and a model that was never planned; a coordinator's later ones do not.
    const [firstMs = 0, ...warm] = searches;
    const shown = warm.length > 0 ? warm : searches;
    const row = {
      event: "search",
      model,
      units: chain.units.length,
      candidates,
      firstMs,
      searchMs: median(shown),
      searchP95Ms: quantile(shown, P95),
      replanMs: median(replans),
      replanP95Ms: quantile(replans, P95),
      repeats: options.repeats,
      seed: options.seed,
      processor: PROCESSOR,
    };
    terminal.record(row);
    const times = [row.searchMs, row.searchP95Ms, row.firstMs, row.replanMs, row.replanP95Ms].map((ms) =>
      ms.toFixed(1),
    );
    table.push([model, String(row.units), String(candidates), ...times]);
  }
  terminal.line(table.toString());
}
