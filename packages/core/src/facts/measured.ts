import { configSchema } from "./retrain-config.ts";
import { byteCount, durationMs, type Fact, list, name, object, whole } from "./schema.ts";

/** Times that are kept of one measurement. */
export const MAX_REPEATS = 64;

/** Repeats of one measurement, milliseconds, outliers included. */
export const repeatsSchema = list(durationMs(), 1, MAX_REPEATS);

/** What a step took: of a probe, of a window, of a bench. The one shape for it, from the worker to a table. */
export type Measured = Fact<typeof measuredSchema>;
export const measuredSchema = object({
  config: configSchema,
  /** What the planner said before the run, bytes above the idle process. */
  plannedBytes: whole(1),
  /** What the process grew by. Absent where only time was measured (several configs in one process). */
  peakBytes: byteCount().optional(),
  /** Times of single steps (all micro-batches and the update), the first left out. */
  stepMs: repeatsSchema,
  /** Of a window: its time outside its steps. Absent: it was not a window. */
  overheadMs: durationMs().optional(),
  /** The method that it ran, by the name of its loss, where that is not the profile's own. */
  method: name().optional(),
});
