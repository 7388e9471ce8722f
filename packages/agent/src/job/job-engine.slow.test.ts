import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type MethodName, MpoError, NORMS_FILE, type Prediction, REFERENCE_FILE, uniformFreezing } from "@mpo/core";
import { encodeNpy, encodeNpyImages, MODEL_FILE, ONNX_FILE } from "@mpo/datasets";
import { syntheticImages } from "@mpo/datasets/testing";
import { buildModel, initialWeights, readLayersModel, readModel, readModelCard, writeLayersModel } from "@mpo/engine";
import type { AgentEngine, RetrainJob } from "../ports/agent-engine.ts";
import { jobEngine } from "./job-engine.ts";

const ONNX_CASE = fileURLToPath(new URL("../../../engine/cases/onnx/mixed-script/model.onnx", import.meta.url));
const SHAPE = { height: 16, width: 16, channels: 1 };
const MIB = 2 ** 20;

/** A rung that is best trained for so many steps of 32 inputs. */
function rungOf(bestSteps: number): Prediction {
  return {
    config: { microBatch: 16, accumulation: 2, freezing: uniformFreezing(0), checkpoints: { kind: "none" } },
    memoryBytes: { expected: 400 * MIB, upper: 500 * MIB },
    stepMs: { expected: 100, upper: 150 },
    overheadMs: 0,
    stepsInWindow: 1_000,
    accuracy: { expected: 0.5, lower: 0.4, upper: 0.6, steps: bestSteps, isGuess: false },
    trainingMs: 100 * bestSteps,
    unknowns: [],
  };
}

/** How many living processes have this path in their environment. */
function processesWith(path: string): number {
  return readdirSync("/proc").filter((name) => {
    try {
      const isLiving = !/^State:\s+Z/mu.test(readFileSync(`/proc/${name}/status`, "utf8"));
      return isLiving && readFileSync(`/proc/${name}/environ`, "utf8").includes(`TMPDIR=${path}`);
    } catch {
      return false;
    }
  }).length;
}

/** What the model takes. */
const INPUT = { range: "symmetric", fit: "letterbox" } as const;

/** A real model with inputs, a job that retrains it, and an engine. */
interface Workplace {
  readonly folder: string;
  /** Where the temporary files of jobs lie. */
  readonly work: string;
  readonly job: RetrainJob;
  readonly engine: AgentEngine;
}

async function inWorkplace(check: (workplace: Workplace) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-agent-job-"));
  try {
    const source = join(folder, "model");
    const graph = buildModel({ model: "resnet20", norm: "group", inputShape: [16, 16, 1], classes: 6 });
    await writeLayersModel({ graph, weights: initialWeights(graph, 1) }, source);
    await writeFile(join(source, "model-card.json"), JSON.stringify({ input: INPUT }));
    const inputs = join(folder, "a.npy");
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
      rung: rungOf(2),
      memoryBytes: 500 * MIB,
      maxMs: 100_000,
      method: "tent",
      seed: 1,
    };
    const work = join(folder, "work");
    const engine = jobEngine({ environment: process.env, cpuShare: "equal", temporaryFolder: work });
    await check({ folder, work, job, engine });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("a job in its own process", () => {
  it("retrains a real model, and tells what it took", { timeout: 230_000 }, () =>
    inWorkplace(async ({ job, engine, work }) => {
      const outcome = await engine.retrain(job, { signal: new AbortController().signal });
      assert.equal(outcome.steps, 2);
      assert.ok(outcome.peakBytes > MIB && outcome.plannedBytes > MIB);
      // Starting the worker, loading and judging are no part of a step, and the first step is left out.
      assert.equal(outcome.stepMs.length, 1);
      assert.ok((outcome.stepMs[0] ?? 0) > 0 && outcome.overheadMs > (outcome.stepMs[0] ?? 0));
      assert.equal(outcome.judgement, "label-free");
      assert.ok((outcome.accuracyBefore ?? -1) >= 0 && (outcome.accuracyAfter ?? -1) >= 0);
      assert.ok(outcome.isAccepted && outcome.stagedFolder !== undefined, outcome.reason);
      await readLayersModel(join(outcome.stagedFolder, MODEL_FILE));
      assert.deepEqual((await readModelCard(outcome.stagedFolder)).input, INPUT);
      assert.deepEqual(await readdir(work), [], "its temporary files are gone");
    }),
  );

  it("retrains an ONNX model, and stages one", { timeout: 230_000 }, () =>
    inWorkplace(async ({ folder, job, engine }) => {
      const [source, inputs] = [join(folder, "onnx"), join(folder, "colour.npy")];
      await mkdir(source);
      await copyFile(ONNX_CASE, join(source, ONNX_FILE));
      await writeFile(join(source, "model-card.json"), JSON.stringify({ input: INPUT, inputShape: [32, 32, 3] }));
      const set = syntheticImages({ height: 32, width: 32, channels: 3, count: 32, seed: 2 });
      await writeFile(inputs, encodeNpyImages(set));
      const place = { modelFolder: source, sourceFolder: source, inputFiles: [inputs] };
      const outcome = await engine.retrain({ ...job, ...place }, { signal: new AbortController().signal });
      assert.ok(outcome.isAccepted && outcome.stagedFolder !== undefined, outcome.reason);
      assert.deepEqual((await readdir(outcome.stagedFolder)).toSorted(), ["model-card.json", ONNX_FILE]);
      const [before, after] = await Promise.all([source, outcome.stagedFolder].map((path) => readModel(path)));
      assert.deepEqual(after?.graph, before?.graph);
      assert.notDeepEqual(after?.weights, before?.weights);
    }),
  );

  it(
    "puts normalisations back that an exporter folded, by reference inputs, in all jobs alike",
    { timeout: 400_000 },
    () =>
      inWorkplace(async ({ folder, job, engine }) => {
        const options = { signal: new AbortController().signal };
        const [source, inputs] = [join(folder, "onnx"), join(folder, "colour.npy")];
        const colour = (count: number) => syntheticImages({ height: 32, width: 32, channels: 3, count, seed: count });
        await mkdir(source);
        await copyFile(ONNX_CASE, join(source, ONNX_FILE));
        await writeFile(join(source, "model-card.json"), JSON.stringify({ input: INPUT, inputShape: [32, 32, 3] }));
        await writeFile(inputs, encodeNpyImages(colour(32)));
        const { model, memoryBytes, method, rung } = job;
        const check = {
          model,
          modelFolder: source,
          memoryBytes,
          method,
          config: rung.config,
          stepMs: 50,
          maxMs: 100_000,
        };
        const folded = await engine.check(check, options);
        await writeFile(join(source, REFERENCE_FILE), encodeNpyImages(colour(16)));
        const checked = await engine.check(check, options);
        assert.notEqual(checked.graphDigest, folded.graphDigest);

        const place = { modelFolder: source, sourceFolder: source, inputFiles: [inputs] };
        const first = await engine.retrain({ ...job, ...place }, options);
        assert.ok(first.isAccepted && first.stagedFolder !== undefined, first.reason);
        assert.deepEqual((await readdir(first.stagedFolder)).toSorted(), ["model-card.json", ONNX_FILE, NORMS_FILE]);
        const [before, after] = await Promise.all([
          readModel(source, { isFolded: true }),
          readModel(first.stagedFolder, { isFolded: true }),
        ]);
        assert.deepEqual(after.graph, before.graph);
        assert.notDeepEqual(after.weights, before.weights);
        const next = { ...place, modelFolder: first.stagedFolder, stagingFolder: join(folder, "next") };
        const second = await engine.retrain({ ...job, ...next }, options);
        assert.ok(second.isAccepted && second.normalisation !== undefined, second.reason);
        const digest = Buffer.from(second.normalisation.subarray(0, 32)).toString("hex");
        assert.equal(digest, checked.graphDigest, "devices share what they learn under the digest that was probed");

        const device = { id: "pi", class: "board" };
        const methods = [method as MethodName];
        const task = { model, methods, memoryBytes, effectiveBatch: 32, device, configs: [], maxMs: 20_000 };
        const whole = { ...task, modelFolder: source, sourceFolder: source, inputFiles: [] };
        const probed = await engine.probe(whole, options);
        assert.deepEqual([probed.profile.model.graphDigest, probed.note], [checked.graphDigest, undefined]);
        const curves = { ...whole, modelFolder: first.stagedFolder, inputFiles: [inputs], known: probed.profile };
        const { profile } = await engine.probe({ ...curves, maxMs: 15_000 }, options);
        assert.equal(profile.model.graphDigest, checked.graphDigest);
      }),
  );

  it("starts from what others have learned, and says what it has learned itself", { timeout: 230_000 }, () =>
    inWorkplace(async ({ job, engine }) => {
      const options = { signal: new AbortController().signal };
      const { normalisation, isFromStart } = await engine.retrain(job, options);
      assert.ok(normalisation !== undefined && normalisation.length > 33);
      assert.equal(isFromStart, undefined, "it was given nothing");
      const again = await engine.retrain({ ...job, start: normalisation }, options);
      assert.equal(typeof again.isFromStart, "boolean");
      assert.ok(again.normalisation !== undefined);
      const wrong = await engine.retrain({ ...job, start: Buffer.alloc(100) }, options);
      assert.deepEqual([wrong.steps, wrong.isFromStart], [2, false]);
      assert.match(wrong.reason, /not from what was learned of a like drift: .* are not of the graph/u);
    }),
  );

  it("begins with the weights as deployed where what serves has collapsed", { timeout: 230_000 }, () =>
    inWorkplace(async ({ folder, job, engine }) => {
      const dull = join(folder, "dull");
      const { graph, weights } = await readLayersModel(join(job.sourceFolder, MODEL_FILE));
      const flat = [...weights].map(
        ([name, values]) => [name, name.endsWith("/gamma") ? values.map(() => 0) : values] as const,
      );
      await writeLayersModel({ graph, weights: new Map(flat) }, dull);
      const options = { signal: new AbortController().signal };
      const { reason } = await engine.retrain({ ...job, modelFolder: dull }, options);
      assert.match(reason, /from the weights as deployed, which fit its inputs better/u);
    }),
  );

  it("checks a configuration by a few steps of it, within its memory", { timeout: 230_000 }, () =>
    inWorkplace(async ({ job, engine, work }) => {
      const { model, modelFolder, memoryBytes, maxMs, method, rung } = job;
      const check = { model, modelFolder, memoryBytes, maxMs, method, config: rung.config, stepMs: 1_000 };
      const options = { signal: new AbortController().signal };
      const { measured, idleBytes, graphDigest } = await engine.check(check, options);
      assert.deepEqual(measured.config, rung.config);
      assert.ok((measured.peakBytes ?? 0) > MIB && (measured.peakBytes ?? 0) < memoryBytes);
      assert.ok(measured.stepMs.length >= 2 && measured.stepMs.every((ms) => ms > 0));
      assert.ok(idleBytes > 20 * MIB, `${idleBytes}`);
      assert.match(graphDigest, /^[0-9a-f]{64}$/u);
      await assert.rejects(engine.check({ ...check, memoryBytes: MIB }, options), { code: "over-memory-cap" });
      assert.deepEqual(await readdir(work), [], "its temporary files are gone");
    }),
  );

  it("ends at its memory limit, and leaves nothing", { timeout: 230_000 }, () =>
    inWorkplace(async ({ job, engine, folder }) => {
      const small = { ...job, memoryBytes: MIB };
      await assert.rejects(engine.retrain(small, { signal: new AbortController().signal }), {
        code: "over-memory-cap",
      });
      assert.equal((await readdir(folder)).includes("staged"), false);
    }),
  );

  it("is gone with all its processes once it is told to end", { timeout: 230_000 }, () =>
    inWorkplace(async ({ job, engine, work }) => {
      const stop = new AbortController();
      let seen = 0;
      const stopped = engine.retrain(
        { ...job, rung: rungOf(1_000) },
        {
          signal: stop.signal,
          onProgress: () => {
            seen = Math.max(seen, processesWith(work));
            stop.abort(new MpoError("cancelled", "the serving program needs the memory"));
          },
        },
      );
      await assert.rejects(stopped, { code: "cancelled" });
      assert.ok(seen >= 2, "the job and its worker were there");
      assert.equal(processesWith(work), 0, "no process outlives its job");
      assert.deepEqual(await readdir(work), [], "its temporary files are gone");
    }),
  );

  it("says what was wrong, and ends when told", { timeout: 120_000 }, async () => {
    const engine = jobEngine({ environment: process.env, cpuShare: "equal" });
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
