import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { given, isName, MpoError } from "@mpo/core";
import { modelFilesAmong, readPictureForm } from "@mpo/datasets";
import { type Clock, fileError, systemErrorCode } from "@mpo/io";
import { decidingFiles, type ServedModel, servedDigest } from "@mpo/protocol";
import type { Logger } from "@mpo/runtime";
import { type InputSummary, summarise } from "../drift/input-summary.ts";
import type { RecentBatch, ServingApp } from "../ports/serving-app.ts";
import { batchCursor, type InputBatch, InputBatches } from "./input-batch.ts";
import { fileDigest } from "./model-digest.ts";
import { publishModel } from "./publish-model.ts";

import { findServable } from "./retrained-manifest.ts";
import { SERVING_FOLDERS, sourceOf } from "./serving-folders.ts";

export interface ServingFolderOptions {
  /** One sub-folder a model. */
  readonly root: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** Inputs that a window trains on at most. Default 512. */
  readonly maxTrainingInputs?: number;
}

/** Batches that are read in one look at most: after a long pause, the newest say enough. */
const MAX_BATCHES_A_LOOK = 64;
/** With so many the serving program will hardly come back for them. */
const CROWDED_BATCHES = 10_000;

/** The serving program's folders on this machine. */
export function servingFolder(options: ServingFolderOptions): ServingApp {
  const { root, clock, logger, random, maxTrainingInputs = 512 } = options;
  const inputs = new InputBatches({ clock, logger });
  let passedOver: ReadonlyMap<string, string> = new Map();
  let isWithout = false;
  // By batch as it was seen: forgotten with it.
  const counts = new WeakMap<InputBatch, number>();
  const crowded = new Map<string, number>();
  const pathOf = (model: string, kind: keyof typeof SERVING_FOLDERS): string =>
    join(root, model, SERVING_FOLDERS[kind]);
  const list = async (model: string): Promise<readonly InputBatch[]> => {
    const folder = pathOf(model, "inputs");
    const batches = await inputs.list(folder);
    const isKnown = crowded.has(model);
    crowded.delete(model);
    if (batches.length < CROWDED_BATCHES) return batches;
    crowded.set(model, batches.length);
    if (!isKnown) logger.warn("the program does not remove its inputs", { folder, batches: batches.length });
    return batches;
  };
  /** How many inputs a batch holds, and what they are like; none of a batch that cannot be read (logged once). */
  const read = async (model: string, batch: InputBatch): Promise<readonly InputSummary[]> => {
    const { path } = batch;
    const isNews = !counts.has(batch);
    try {
      const shape = await readPictureForm((await sourceOf(join(root, model))).folder);
      // Loaded with the first inputs only: an idle agent stays small.
      const { readInputs } = await import("./read-inputs.ts");
      const note = (found: string): void => void (isNews && logger.info("files are passed over", { found }));
      const { set, predictions } = await readInputs(path, shape, note);
      counts.set(batch, set.count);
      return [summarise(set, predictions)];
    } catch (thrown) {
      if (isNews) logger.warn("inputs could not be read; they are passed over", { path, err: MpoError.from(thrown) });
      counts.set(batch, 0);
      return [];
    }
  };
  return {
    models: async () => {
      const passed = new Map<string, string>();
      const models = await servedModels(root, (path, why) => passed.set(path, why));
      for (const [path, why] of passed) {
        if (passedOver.get(path) !== why) logger.warn("a folder is not served", { path, why });
      }
      if (models.length === 0 && !isWithout) logger.info("no model is served yet: it belongs in NAME/model", { root });
      isWithout = models.length === 0;
      passedOver = passed;
      for (const model of crowded.keys()) if (!models.some(({ name }) => name === model)) crowded.delete(model);
      return models;
    },
    passedOver: () => [...passedOver].map(([path, why]) => ({ path, why })),
    crowds: () => [...crowded].map(([model, count]) => ({ folder: pathOf(model, "inputs"), count })),
    inputsAfter: async (model, cursor) => {
      const batches = await list(model);
      const seen = batches.findLastIndex((batch) => batchCursor(batch) <= cursor);
      const news = batches.slice(seen + 1).slice(-MAX_BATCHES_A_LOOK);
      const summaries: RecentBatch[] = [];
      let before = cursor;
      for (const batch of news) {
        summaries.push(...(await read(model, batch)).map((summary) => ({ ...summary, before })));
        before = batchCursor(batch);
      }
      return { summaries, cursor: before };
    },
    trainingFiles: async (model, cursor) => {
      const files: string[] = [];
      let count = 0;
      for (const batch of (await list(model)).toReversed()) {
        if (count >= maxTrainingInputs || batchCursor(batch) <= cursor) break;
        if (!counts.has(batch)) await read(model, batch);
        const found = counts.get(batch) ?? 0;
        if (found === 0) continue;
        files.push(batch.path);
        count += found;
      }
      return { files, count };
    },
    folders: async (model) => {
      const retrained = pathOf(model, "retrained");
      const found = await findServable(retrained);
      const name = Math.floor(random() * 2 ** 32).toString(16);
      const { folder: source } = await sourceOf(join(root, model));
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

/** Called with a folder that is passed over, and why. */
type OnPassed = (path: string, why: string) => unknown;

/** Models are sub-folders with a model. */
async function servedModels(root: string, onPassed: OnPassed): Promise<readonly ServedModel[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((thrown: unknown) => {
    onPassed(root, fileError(thrown, "read", root).message);
    return [];
  });
  const folders = entries.filter((entry) => !entry.isFile() && !entry.name.startsWith("."));
  const found = await Promise.all(
    folders.map(async ({ name }): Promise<readonly ServedModel[]> => {
      const path = join(root, name);
      if (!isName(name)) {
        onPassed(path, "a model's name has letters, digits, - and _ only, 64 at most");
        return [];
      }
      try {
        const { folder, artifact } = await sourceOf(path);
        return [{ name, manifestDigest: await deployedDigest(folder), ...given({ artifact }) }];
      } catch (thrown) {
        onPassed(path, MpoError.from(thrown).message);
        return [];
      }
    }),
  );
  return found.flat().toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

/** The digest of the model in a folder (`servedDigest`). Throws `not-found` for none, `invalid-data` for several. */
async function deployedDigest(source: string): Promise<string> {
  const names = await readdir(source).catch((thrown: unknown): string[] => {
    if (systemErrorCode(thrown) === "ENOENT") return [];
    throw fileError(thrown, "read", source);
  });
  const [file, ...others] = modelFilesAmong(names);
  if (file === undefined) {
    throw new MpoError("not-found", `there is no ${source}/model.json, and no .keras, .h5 or .onnx file in its place`);
  }
  if (others.length > 0)
    throw new MpoError(
      "invalid-data",
      `${source} has several models: ${[file, ...others].join(", ")}; leave one there`,
    );
  const digested = async (name: string) => ({ name, digest: await fileDigest(join(source, name)) });
  const deciding = decidingFiles(file).filter((name) => names.includes(name));
  return servedDigest(await digested(file), await Promise.all(deciding.map(digested)));
}
