import "../../test-support/quiet-tensorflow.ts";
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hasCode } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { withFolder } from "../../test-support/layers-format-testing.ts";
import { assertSameOutputs, channelsLast, evaluate, runOnnx } from "../../test-support/onnx-run.ts";
import { elementsOf, type Model } from "../model-graph.ts";
import { attribute, OnnxDocument } from "../onnx-export/onnx-document.ts";
import { readOnnxModel } from "./read-onnx-model.ts";

const SHAPE = [2, 2, 7, 6] as const;
const CLASSES = 3;
const random = createRandom(5);
const inputs = Float32Array.from({ length: elementsOf(SHAPE) }, () => random.gaussian());

interface Pool {
  readonly kernel: number;
  readonly stride: number;
  /** Top, left, bottom, right; or the name of a way to pad. */
  readonly pads: readonly number[] | "SAME_UPPER" | "SAME_LOWER" | "VALID";
  readonly counted: 0 | 1;
  readonly ceil: 0 | 1;
  readonly dilation?: number;
}

function* pools(): Generator<Pool> {
  const pads = [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 1, 1], [1, 0, 0, 1], "SAME_UPPER", "SAME_LOWER", "VALID"] as const;
  for (const kernel of [2, 3]) {
    for (const stride of [1, 2]) {
      for (const padding of pads) {
        for (const counted of [0, 1] as const) {
          for (const ceil of [0, 1] as const) yield { kernel, stride, pads: padding, counted, ceil };
        }
      }
    }
  }
}

/** How many places the pool gives, which only somebody else's calculation can know for all of them. */
async function placesOf(pool: Pool): Promise<number> {
  const { values } = await runOnnx(encoded(pool, undefined), inputs, SHAPE);
  return values.length / SHAPE[0];
}

function encoded({ kernel, stride, pads, counted, ceil, dilation = 1 }: Pool, places: number | undefined): Uint8Array {
  const document = new OnnxDocument();
  document.node("AveragePool", ["x"], "pool", {
    kernel_shape: attribute.ints([kernel, kernel]),
    strides: attribute.ints([stride, stride]),
    ...(typeof pads === "string" ? { auto_pad: attribute.text(pads) } : { pads: attribute.ints(pads) }),
    ...(dilation === 1 ? {} : { dilations: attribute.ints([dilation, dilation]) }),
    count_include_pad: attribute.int(counted),
    ceil_mode: attribute.int(ceil),
  });
  document.node("Flatten", ["pool"], "flat");
  const weights = createRandom(6);
  if (places !== undefined) {
    const kernelValues = Float32Array.from({ length: places * CLASSES }, () => weights.gaussian());
    document.node("MatMul", ["flat", document.floats("kernel", [places, CLASSES], kernelValues)], "logits");
  }
  const output = places === undefined ? { name: "flat", shape: [1] } : { name: "logits", shape: [CLASSES] };
  return document.encode({ name: "pool", input: { name: "x", shape: SHAPE.slice(1) }, output, metadata: {} });
}

/** Undefined: it is refused, by the node's name. */
async function read(folder: string, bytes: Uint8Array): Promise<Model | undefined> {
  const file = join(folder, "model.onnx");
  writeFileSync(file, bytes);
  try {
    return await readOnnxModel(file);
  } catch (thrown) {
    assert.ok(hasCode(thrown, "unsupported"), String(thrown));
    assert.match(thrown.message, /"?pool"?/u);
    return undefined;
  }
}

test("a mean over windows is as ONNX Runtime's, or refused", () =>
  withFolder(async (folder) => {
    let count = 0;
    for (const pool of pools()) {
      const bytes = encoded(pool, await placesOf(pool));
      const model = await read(folder, bytes);
      const isPlain = pool.ceil === 0 && (pool.counted === 1 || pool.pads === "VALID" || pool.pads === "SAME_UPPER");
      assert.ok(model !== undefined || !isPlain, `${JSON.stringify(pool)} is refused`);
      if (model === undefined) continue;
      count += 1;
      const { values } = await runOnnx(bytes, inputs, SHAPE);
      assertSameOutputs(await evaluate(model, channelsLast(inputs, SHAPE)), values, JSON.stringify(pool));
    }
    assert.ok(count >= 60, `${count}`);
    const dilated = encoded({ kernel: 2, stride: 1, pads: "VALID", counted: 0, ceil: 0, dilation: 2 }, 40);
    assert.equal(await read(folder, dilated), undefined);
  }));
