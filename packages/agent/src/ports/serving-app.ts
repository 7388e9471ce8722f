import type { ServedModel } from "@mpo/protocol";
import type { InputSummary } from "../drift/input-summary.ts";

/** A batch of inputs, summed up. */
export interface RecentBatch extends InputSummary {
  /** What comes after this cursor is the batch and all that are newer. */
  readonly before: string;
}

/** Recent inputs of a model, newer than what was asked about. */
export interface RecentInputs {
  /** Oldest first. */
  readonly summaries: readonly RecentBatch[];
  /** Ask with it for newer ones. */
  readonly cursor: string;
}

/** Folders of a model: as it was deployed, the weights that serve now, and a new one for retrained weights. */
export interface ModelFolders {
  readonly source: string;
  readonly serving: string;
  readonly staging: string;
}

/** How an agent sees the program that serves: through folders. */
export interface ServingApp {
  /** Models that are served here. The digest is that of the model as it was deployed. */
  models(): Promise<readonly ServedModel[]>;
  /** Folders that the last `models` passed over, and why. */
  passedOver(): readonly { readonly path: string; readonly why: string }[];
  /** Folders of inputs that fill, as they were looked at last, and how many batches lie in them. */
  crowds(): readonly { readonly folder: string; readonly count: number }[];
  /** Inputs that came after `cursor` ("": all that are there), summed up file by file. */
  inputsAfter(model: string, cursor: string): Promise<RecentInputs>;
  /** Files with inputs to train on that came after `cursor` ("": all), newest first, and how many inputs they hold. */
  trainingFiles(model: string, cursor: string): Promise<{ readonly files: readonly string[]; readonly count: number }>;
  folders(model: string): Promise<ModelFolders>;
  /** Throws when a retrained model could not be written: before it is trained. */
  requireWritable(model: string): Promise<void>;
  /** Puts a retrained model in place of the one that serves; the one before is kept. */
  publish(model: string, stagedFolder: string): Promise<void>;
}
