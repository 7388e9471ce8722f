import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isName, MpoError } from "@mpo/core";
import { type Clock, fileError, readJsonFile } from "@mpo/io";
import type { ServedModel } from "@mpo/protocol";
import type { Logger } from "@mpo/runtime";
import { type InputSummary, summarise } from "../drift/input-summary.ts";
import type { ServingApp } from "../ports/serving-app.ts";
import { batchCursor, InputBatches } from "./input-batch.ts";
import { fileDigest } from "./model-digest.ts";
import { publishModel } from "./publish-model.ts";
import type { InputShape } from "./read-inputs.ts";
import { findServable } from "./retrained-manifest.ts";

/** What lies under a model's folder: the model as deployed, inputs that the program drops, retrained models. */
export const SERVING_FOLDERS = { source: "model", inputs: "inputs", retrained: "retrained" } as const;

/** Options of `servingFolder`. */
export interface ServingFolderOptions {
  /** One sub-folder a model. */
  readonly root: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** Inputs that a window trains on at most. Default 512. */
  readonly maxTrainingInputs?: number;
}

const MODEL_FILE = "model.json";
const MODEL_CARD_FILE = "model-card.json";
/** Batches that are read in one look at most: after a long pause, the newest tell enough. */
const MAX_BATCHES_A_LOOK = 64;

/** The serving program's folders on this machine. */
export function servingFolder(options: ServingFolderOptions): ServingApp {
  const { root, clock, logger, random, maxTrainingInputs = 512 } = options;
  const inputs = new InputBatches({ clock, logger });
  let passedOver: ReadonlyMap<string, string> = new Map();
  const counts = new Map<string, number>();
  const bad = new Set<string>();
  const pathOf = (model: string, kind: keyof typeof SERVING_FOLDERS): string =>
    join(root, model, SERVING_FOLDERS[kind]);
  const read = async (model: string, path: string): Promise<InputSummary | undefined> => {
    try {
      const shape = await inputShape(pathOf(model, "source"));
      // Loaded with the first inputs only: an idle agent stays small.
      const { readInputs } = await import("./read-inputs.ts");
      const { set, predictions } = await readInputs(path, shape);
      counts.set(path, set.count);
      return summarise(set, predictions);
    } catch (thrown) {
      if (!bad.has(path))
        logger.warn("inputs could not be read; they are passed over", { path, err: MpoError.from(thrown) });
      bad.add(path);
      return undefined;
    }
  };
  return {
    models: async () => {
      const passed = new Map<string, string>();
      const models = await servedModels(root, (path, why) => passed.set(path, why));
      for (const [path, why] of passed) {
        if (passedOver.get(path) !== why) logger.warn("a folder is not served", { path, why });
      }
      passedOver = passed;
      return models;
    },
    passedOver: () => [...passedOver].map(([path, why]) => ({ path, why })),
    inputsAfter: async (model, cursor) => {
      const batches = await inputs.list(pathOf(model, "inputs"));
      const news = batches.filter((batch) => batchCursor(batch) > cursor).slice(-MAX_BATCHES_A_LOOK);
      const summaries: InputSummary[] = [];
      for (const { path } of news) {
        const summary = await read(model, path);
        if (summary !== undefined) summaries.push(summary);
      }
      const last = news.at(-1);
      return { summaries, cursor: last === undefined ? cursor : batchCursor(last) };
    },
    trainingFiles: async (model, cursor) => {
      const files: string[] = [];
      let count = 0;
      for (const batch of (await inputs.list(pathOf(model, "inputs"))).toReversed()) {
        if (count >= maxTrainingInputs || batchCursor(batch) <= cursor) break;
        const { path } = batch;
        const found = counts.get(path) ?? (await read(model, path))?.count;
        if (found === undefined || found === 0) continue;
        files.push(path);
        count += found;
      }
      return { files, count };
    },
    folders: async (model) => {
      const retrained = pathOf(model, "retrained");
      const found = await findServable(retrained);
      const name = Math.floor(random() * 2 ** 32).toString(16);
      const source = pathOf(model, "source");
      return { source, serving: found?.folder ?? source, staging: join(retrained, `.staged-${name}`) };
    },
    requireWritable: async (model) => {
      const folder = pathOf(model, "retrained");
      try {
        await mkdir(folder, { recursive: true });
        await rm(await mkdtemp(join(folder, ".staged-")), { recursive: true });
      } catch (thrown) {
        throw fileError(thrown, "write into", folder);
      }
    },
    publish: async (model, staged) => {
      const { version } = await publishModel(pathOf(model, "retrained"), staged, clock);
      logger.info("a retrained model is published", { model, version });
    },
  };
}

/** Told of a folder that is passed over, and why. */
type TellPassed = (path: string, why: string) => unknown;

/** Models are sub-folders with a deployed model; their digest is that of its `model.json`, the model's manifest. */
async function servedModels(root: string, tellPassed: TellPassed): Promise<readonly ServedModel[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((thrown: unknown) => {
    tellPassed(root, fileError(thrown, "read", root).message);
    return [];
  });
  const folders = entries.filter((entry) => !entry.isFile() && !entry.name.startsWith("."));
  const found = await Promise.all(
    folders.map(async ({ name }): Promise<readonly ServedModel[]> => {
      const path = join(root, name);
      if (!isName(name)) {
        tellPassed(path, "a model's name has letters, digits, - and _ only, 64 at most");
        return [];
      }
      const manifest = join(path, SERVING_FOLDERS.source, MODEL_FILE);
      try {
        return [{ name, manifestDigest: await fileDigest(manifest) }];
      } catch (thrown) {
        tellPassed(path, fileError(thrown, "read", manifest).message);
        return [];
      }
    }),
  );
  return found.flat().toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** From the model's card: the agent itself never reads models. */
async function inputShape(source: string): Promise<InputShape> {
  const path = join(source, MODEL_CARD_FILE);
  const card = (await readJsonFile(path)) as { readonly inputShape?: unknown } | null;
  const shape = card?.inputShape;
  if (!Array.isArray(shape) || shape.length !== 3 || !shape.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new MpoError(
      "invalid-data",
      `${path}: inputShape is ${JSON.stringify(shape)}; expected [height, width, channels]`,
    );
  }
  const [height = 0, width = 0, channels = 0] = shape as readonly number[];
  return { height, width, channels };
}
