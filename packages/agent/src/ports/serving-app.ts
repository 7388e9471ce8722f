import type { ServedModel } from "@mpo/protocol";
import type { InputSummary } from "../drift/input-summary.ts";

/** Recent inputs of a model, newer than what was asked about. */
export interface RecentInputs {
  /** Oldest first. */
  readonly summaries: readonly InputSummary[];
  /** Ask with it for newer ones. */
  readonly cursor: string;
}

/** How an agent sees the program that serves: through folders. */
export interface ServingApp {
  /** Models that are served here. The digest is that of the model as it was deployed. */
  models(): Promise<readonly ServedModel[]>;
  /** Inputs that came after `cursor` ("": all that are there), summed up file by file. */
  inputsAfter(model: string, cursor: string): Promise<RecentInputs>;
  /** Files with inputs to train on, newest first, and how many inputs they hold. */
  trainingFiles(model: string): Promise<{ readonly files: readonly string[]; readonly count: number }>;
  /** Folder of the model as deployed, and of the weights that serve now. */
  folders(model: string): Promise<{ readonly source: string; readonly serving: string }>;
  /** Puts a retrained model in place of the one that serves; the one before is kept. */
  publish(model: string, stagedFolder: string): Promise<void>;
}
