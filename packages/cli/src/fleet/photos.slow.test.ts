import assert from "node:assert/strict";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { createRandom, type Random } from "@mpo/datasets";
import { encodePng } from "@mpo/datasets/testing";
import { EXIT_CODES } from "@mpo/runtime";
import { at, noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { runCommand } from "../testing/run-command.ts";
import { startDaemon } from "../testing/start-daemon.ts";

/** A model of Keras that ends in one sigmoid and takes 16x16x3. */
const SIGMOID = fileURLToPath(new URL("../../../engine/cases/models/binary/", import.meta.url));
const SIDE = 16;
const CLASSES = ["cat", "dog"] as const;

/** Stripes of some colour, upright for cats; `isDark`: as the camera sees them in the evening. */
function photo(name: string, random: Random, isDark: boolean): Promise<Uint8Array> {
  const colour = [0, 1, 2].map(() => 60 + 140 * random.uniform());
  const phase = 6 * random.uniform();
  const pixels = Float32Array.from({ length: SIDE * SIDE * 3 }, (_, at) => {
    const pixel = Math.floor(at / 3);
    const along = name === "cat" ? pixel % SIDE : Math.floor(pixel / SIDE);
    const bright = colour[at % 3]! * (0.75 + 0.35 * Math.sin(1.3 * along + phase)) + 8 * random.gaussian();
    return Math.min(255, Math.max(0, isDark ? 0.3 * bright + 6 * random.gaussian() : bright)) / 255;
  });
  return encodePng(pixels, { width: SIDE, height: SIDE, channels: 3 });
}

interface Manifest {
  readonly current: { readonly folder: string };
}

describe("a sigmoid model of cats and dogs", { skip: noNatsServer }, () => {
  it("goes from a folder of photos to an agent's retrained model", { timeout: 400_000 }, async (t) => {
    const folder = await testFolder(t);
    const random = createRandom(3);
    const writePhotos = async (under: string, count: number, isDark: boolean): Promise<void> => {
      for (const name of CLASSES) {
        await mkdir(join(folder, under, name), { recursive: true });
        for (let index = 0; index < count; index++)
          await writeFile(join(folder, under, name, `${index}.png`), await photo(name, random, isDark));
      }
    };
    const run = async (...args: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[]> => {
      const { code, stderr, records } = await runCommand([...args, "--json"]);
      assert.equal(code, EXIT_CODES.ok, stderr);
      return records;
    };
    const accuracy = async (weights: string, data: string): Promise<number> => {
      const [row] = await run("evaluate", "--weights", weights, "--dataset", "folder", "--data", join(folder, data));
      return Number(row?.["accuracy"]);
    };
    await writePhotos("labelled/test", 192, false);
    await writePhotos("day/test", 64, false);
    await writePhotos("evening/test", 64, true);
    const place = join(folder, "serving", "pets");
    const model = join(place, "model");
    await mkdir(place, { recursive: true });
    const photos = ["--dataset", "folder", "--data", join(folder, "labelled"), "--corruption", "clean"];
    const training = ["--method", "crossEntropy", "--learning-rate", "0.02", "--batch", "32", "--epochs", "15"];
    const counts = ["--samples", "320", "--judge-samples", "64", "--threads", "1"];
    await run("retrain", "--weights", SIGMOID, ...photos, ...training, ...counts, "--output", model);
    const clean = await accuracy(model, "day");
    const before = await accuracy(model, "evening");
    assert.ok(clean > 0.95 && before < clean - 0.1, `${clean}, ${before}`);

    const coordinator = await startCoordinator(t, folder);
    const there = at(coordinator.ready["grpc"]);
    const soon = ["--cpu-share", "equal", "--probe-patience", "500ms", "--tick", "500ms", "--probe-time", "15s"];
    const places = ["--data", join(folder, "agent"), "--serving", join(folder, "serving")];
    await startDaemon(t, ["agent", ...there, "--device", "pi", ...places, ...soon, "--drift-probe-time", "0s"]);
    const drop = async (name: string, isDark: boolean): Promise<void> => {
      for (let batch = 0; batch < 9; batch++) {
        await writePhotos(`dropped/${name}${batch}`, 16, isDark);
        await mkdir(join(place, "inputs"), { recursive: true });
        await rename(join(folder, `dropped/${name}${batch}`), join(place, "inputs", `${name}${batch}`));
      }
    };
    const event = async (kind: string): Promise<Readonly<Record<string, unknown>>> => {
      for (;;) {
        const found = (await run("events", ...there)).find((record) => String(record["kind"]).startsWith(kind));
        if (found !== undefined) return found;
        await new Promise((wake) => setTimeout(wake, 500));
      }
    };
    await drop("day", false);
    await event("document-applied");
    await drop("evening", true);
    await event("drift-seen");
    const ended = await event("window-");
    assert.equal(ended["kind"], "window-replaced", String(ended["message"]));
    const manifest = JSON.parse(await readFile(join(place, "retrained", "manifest.json"), "utf8")) as Manifest;
    const after = await accuracy(join(place, "retrained", manifest.current.folder), "evening");
    assert.ok(after > before + 0.1, `${before}, ${after}`);
  });
});
