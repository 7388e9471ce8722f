import type { Prediction } from "../facts/index.ts";
import { isOutOfMemory, MpoError } from "../facts/index.ts";
import { chooseRung, type RungChoice } from "./choose-rung.ts";
import { type InfeasibleConfigs, markInfeasible } from "./infeasible-configs.ts";

/** What a window may run, and what it may spend. */
export interface Window<Rung extends Prediction = Prediction> {
  /** Cheapest memory first. */
  readonly rungs: readonly Rung[];
  /** The highest that may run; default: the last. */
  readonly chosenRung?: number;
  readonly windowMs: number;
  /** What failed before, and under how much memory; default: nothing. */
  readonly infeasible?: InfeasibleConfigs;
  readonly isAllowed?: RungChoice["isAllowed"];
}

/** What a window needs from its caller. */
export interface WindowPorts<Result, Rung extends Prediction = Prediction> {
  readonly clock: { now(): number; monotonicMs(): number };
  /** Bytes that a retraining may take now, above the idle worker. */
  freeBytes(): number | Promise<number>;
  /** Trains one rung: under `memoryBytes` as the allocator's hard limit, and within `maxMs`. */
  train(rung: Rung, limits: { readonly memoryBytes: number; readonly maxMs: number }): Promise<Result>;
}

export interface WindowTry<Result, Rung extends Prediction = Prediction> {
  readonly rung: Rung;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly openedAtMs: number;
  readonly durationMs: number;
  readonly ended: { readonly result: Result } | { readonly error: MpoError };
}

export interface WindowRun<Result, Rung extends Prediction = Prediction> {
  readonly tries: readonly WindowTry<Result, Rung>[];
  readonly infeasible: InfeasibleConfigs;
}

/** Less time than this is not worth another try. */
const LEAST_MS = 1_000;

/**
 * Runs one window: the best rung that fits now, within its own bound. One that is out of memory is marked and the next
 * cheaper one is tried, until one ends otherwise, none is left or the time is over. The agent's daemon runs this without
 * loading the engine: how a rung is trained is a port.
 */
export async function runWindow<Result, Rung extends Prediction>(
  { rungs, chosenRung = rungs.length - 1, windowMs, infeasible: failed = {}, isAllowed }: Window<Rung>,
  { clock, freeBytes, train }: WindowPorts<Result, Rung>,
  signal: AbortSignal,
): Promise<WindowRun<Result, Rung>> {
  const endMs = clock.monotonicMs() + windowMs;
  const tries: WindowTry<Result, Rung>[] = [];
  let infeasible = failed;
  for (let highest = chosenRung; highest >= 0 && !signal.aborted; ) {
    const memoryBytes = await freeBytes();
    const index = chooseRung({ rungs, chosenRung: highest, memoryBytes, infeasible, isAllowed });
    const began = clock.monotonicMs();
    const maxMs = endMs - began;
    if (index === undefined || maxMs < LEAST_MS) break;
    const rung = rungs[index]!;
    const openedAtMs = Math.max(0, Math.round(clock.now()));
    const ended = await train(rung, { memoryBytes: rung.memoryBytes.upper, maxMs }).then(
      (result) => ({ result }),
      (thrown: unknown) => ({ error: MpoError.from(thrown) }),
    );
    tries.push({ rung, openedAtMs, durationMs: Math.max(0, clock.monotonicMs() - began), ended });
    if (!("error" in ended) || !isOutOfMemory(ended.error)) break;
    infeasible = markInfeasible(infeasible, rung.config, memoryBytes);
    highest = index - 1;
  }
  return { tries, infeasible };
}

/** The rung that a window ended with, and its result. Throws what the last try threw; `over-budget` when none was made. */
export function endOfWindow<Result, Rung extends Prediction>({
  tries,
}: WindowRun<Result, Rung>): {
  readonly rung: Rung;
  readonly result: Result;
} {
  const last = tries.at(-1);
  if (last === undefined) throw new MpoError("over-budget", "no configuration fits what is left of the window");
  if ("error" in last.ended) throw last.ended.error;
  return { rung: last.rung, result: last.ended.result };
}
