import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { uniformFreezing } from "@mpo/core";
import { encodeNpy, encodeNpyImages, syntheticImages } from "@mpo/datasets";
import { buildModel, initialWeights, MODEL_FILE, readLayersModel, writeLayersModel } from "@mpo/engine";
import type { RetrainJob } from "../ports/agent-engine.ts";
import { REFERENCE_FILE } from "../serving/reference-file.ts";
import { jobEngine } from "./job-engine.ts";

const SHAPE = { height: 16, width: 16, channels: 1 };
const MIB = 2 ** 20;

describe("a job in its own process", () => {
  it("retrains a real model, tells what it took, and ends at its memory limit", { timeout: 230_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "mpo-agent-job-"));
    try {
      const source = join(folder, "model");
      const graph = buildModel({ model: "resnet20", norm: "group", inputShape: [16, 16, 1], classes: 6 });
      await writeLayersModel({ graph, weights: initialWeights(graph, 1) }, source);
      await mkdir(join(folder, "inputs"));
      const inputs = join(folder, "inputs", "a.npy");
      await writeFile(inputs, encodeNpyImages(syntheticImages({ ...SHAPE, count: 32, seed: 2 })));
      const reference = syntheticImages({ ...SHAPE, count: 12, seed: 3 });
      await writeFile(join(source, REFERENCE_FILE), encodeNpyImages(reference));
      const labels = encodeNpy({ type: "i4", shape: [12], data: reference.labels ?? new Int32Array() });
      await writeFile(join(source, REFERENCE_FILE.replace(".npy", ".labels.npy")), labels);
      const job: RetrainJob = {
        model: "cam",
        modelFolder: source,
        sourceFolder: source,
        stagingFolder: join(folder, "staged"),
        inputFiles: [inputs],
        config: { microBatch: 8, accumulation: 2, freezing: uniformFreezing(0), checkpoints: { kind: "none" } },
        memoryBytes: 500 * MIB,
        maxMs: 100_000,
        stepMs: 100,
        bestSteps: 2,
        method: "tent",
        seed: 1,
      };
      const engine = jobEngine({ environment: process.env });
      const { signal } = new AbortController();
      const [outcome, tooSmall] = await Promise.all([
        engine.retrain(job, { signal }),
        engine
          .retrain({ ...job, memoryBytes: MIB, stagingFolder: join(folder, "other") }, { signal })
          .catch((error: unknown) => error),
      ]);
      assert.equal((tooSmall as { code?: string }).code, "over-memory-cap");
      assert.equal(outcome.steps, 2);
      assert.ok((outcome.peakBytes ?? 0) > MIB && (outcome.stepMs ?? 0) > 0 && outcome.durationMs > 0);
      assert.equal(outcome.judgement, "label-free");
      assert.ok((outcome.accuracyBefore ?? -1) >= 0 && (outcome.accuracyAfter ?? -1) >= 0);
      if (outcome.isAccepted) await readLayersModel(join(outcome.stagedFolder ?? "", MODEL_FILE));
      assert.equal((await readdir(folder)).includes("other"), false, "nothing is left of what failed");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("says what was wrong, and ends when told", { timeout: 120_000 }, async () => {
    const engine = jobEngine({ environment: process.env });
    const job = {
      modelFolder: "/nowhere",
      stagingFolder: "/nowhere/staged",
      inputFiles: [],
      maxMs: 10_000,
      method: "tent",
    };
    await assert.rejects(engine.retrain(job as unknown as RetrainJob, { signal: new AbortController().signal }), {
      code: "not-found",
    });
    const ends = AbortSignal.timeout(20);
    await assert.rejects(engine.retrain(job as unknown as RetrainJob, { signal: ends }), { code: "timed-out" });
  });
});
