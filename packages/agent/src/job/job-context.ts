import type { StepReport } from "@mpo/engine";

/** How a job's processes run. */
export interface JobContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly onProgress: (report: StepReport) => void;
}

/** Workers are the first that the system's memory killer takes. */
export const OOM_SCORE_ADJUST = 1_000;
