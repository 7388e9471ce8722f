import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runCommand } from "@mpo/cli/testing";
import { MIB } from "@mpo/core";
import { bundledModel } from "../../product-files.ts";
import { CONTENDER_NAMES } from "./contenders.ts";

describe("mpo bench policies", () => {
  let folder: string;
  let output: string;
  let args: readonly string[];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mpo-bench-policies-"));
    output = join(folder, "results.json");
    const weights = bundledModel("resnet20-bn");
    const sizes = ["--samples", "64", "--judge-samples", "100", "--batch", "32", "--probe-time", "30s"];
    // The only drift pays for the whole probe: two seconds are left for training.
    const limits = ["--memory", "400MiB,12MiB", "--window", "32s"];
    args = ["bench", "policies", "--weights", weights, ...sizes, ...limits, "--json", "-o", output];
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("stops at Ctrl-C with what it has, and goes on from there", async () => {
    const begun = [...args, "--corruptions", "frost"];
    const stopped = await runCommand(begun, { interruptWhen: (stderr) => /different retrainings/u.test(stderr) });
    assert.equal(stopped.code, 130, stopped.stderr);
    assert.equal(JSON.parse(await readFile(output, "utf8")).before.length, 1);

    const { code, records, stderr } = await runCommand([...begun, "--resume"]);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /probing/u);
    const cells = records.filter(({ event }) => event === "cell");
    assert.equal(cells.length, 2 * CONTENDER_NAMES.length);
    for (const cell of cells) {
      const { policy, isAdapted, memoryBytes, accuracyBefore, accuracyAfter, peakBytes, predicted, drifts } = cell as {
        policy: string;
        isAdapted: boolean;
        memoryBytes: number;
        accuracyBefore: number;
        accuracyAfter: number;
        peakBytes: number;
        predicted: { memoryBytes: { upper: number } } | null;
        drifts: unknown[];
      };
      assert.equal(drifts.length, 1);
      if (!isAdapted) {
        assert.equal(accuracyAfter, accuracyBefore, policy);
        continue;
      }
      assert.ok((predicted?.memoryBytes.upper ?? 0) <= memoryBytes, policy);
      // The allocator held it to its bound; beside its pool a process has a few megabytes of heap that move.
      assert.ok(peakBytes > 0 && peakBytes <= memoryBytes + 8 * MIB, `${policy}: ${peakBytes}`);
    }
    const of = (policy: string, memoryBytes: number): Record<string, unknown> | undefined =>
      cells.find((cell) => cell["policy"] === policy && cell["memoryBytes"] === memoryBytes);
    assert.equal(of("fullBatch", 12 * MIB)?.["isAdapted"], false);
    assert.equal(of("fullBatch", 400 * MIB)?.["isAdapted"], true);
    assert.equal(of("joint", 12 * MIB)?.["isAdapted"], true);
    assert.equal(of("publishedPlain", 12 * MIB)?.["isAdapted"], false);
    assert.equal(of("publishedMicroBatch", 12 * MIB)?.["isAdapted"], true);
    assert.deepEqual(of("publishedMixture", 400 * MIB)?.["config"], of("publishedPlain", 400 * MIB)?.["config"]);
    // One pass and the whole window.
    const { lengths } = of("publishedPlain", 400 * MIB) as unknown as { readonly lengths: readonly unknown[] };
    assert.equal(lengths.length, 2);
    const equal = records.filter(({ event }) => event === "equal-accuracy");
    assert.ok(equal.some(({ policy }) => policy === "publishedPlain"));
    assert.ok(equal.every(({ policy }) => policy !== "joint"));
    const summary = records.at(-1);
    assert.equal(summary?.["event"], "summary");
    // By how much depends on how many steps a busy machine makes in the two seconds.
    assert.ok(Number(of("joint", 12 * MIB)?.["accuracyAfter"]) > Number(summary?.["accuracyBefore"]));

    // Everything is known now: only the tables are made again.
    const again = await runCommand([...begun, "--resume"]);
    assert.deepEqual(again.records, records);
  });

  it("refuses what it cannot do", async () => {
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [["--dataset", "imagenet"], 2, /'imagenet' is invalid\. Allowed choices are fashion-mnist/u],
      [["--corruptions", "rust"], 2, /'rust' is invalid\. Expected some of gaussian_noise/u],
      [["--method", "tent,magic"], 2, /'tent,magic' is invalid\. Expected some of norm,tent/u],
      [["--method", "crossEntropy"], 2, /crossEntropy needs labels/u],
      [["--memory", "12"], 2, /size with its unit/u],
      [[], 4, /results\.json is there already/u],
      [["--resume", "--seed", "2", "--corruptions", "frost"], 4, /seed is 1, not 2/u],
    ];
    for (const [more, code, says] of cases) {
      const outcome = await runCommand([...args, ...more]);
      assert.match(outcome.stderr, says);
      assert.equal(outcome.code, code, outcome.stderr);
    }
  });
});
