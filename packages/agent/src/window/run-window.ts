import type { Prediction, RetrainConfig, WindowObservation } from "@mpo/core";
import type { DesiredDocument, WindowResult } from "@mpo/protocol";
import { chooseRung } from "../policy/choose-rung.ts";
import { type InfeasibleConfigs, markInfeasible } from "../policy/infeasible-configs.ts";
import type { RetrainOutcome } from "../ports/agent-engine.ts";
import { failedWindow, finishedWindow, isOutOfMemory } from "./window-report.ts";

/** What a window needs of the agent. */
export interface WindowPorts {
  /** Bytes that are free for a retraining now, above the idle worker. */
  freeBytes(): Promise<number>;
  retrain(rung: Prediction, memoryBytes: number, maxMs: number): Promise<RetrainOutcome>;
  /** The device's clock, milliseconds since 1970-01-01 UTC. */
  nowMs(): number;
  monotonicMs(): number;
}

/** A window that opens. */
export interface OpenedWindow {
  readonly name: string;
  readonly document: DesiredDocument;
  readonly infeasible: InfeasibleConfigs;
}

/** What a window did: one result for each rung that was tried. */
export interface WindowRun {
  readonly results: readonly WindowResult[];
  readonly infeasible: InfeasibleConfigs;
  /** The retrained weights, when a try was accepted. */
  readonly accepted: RetrainOutcome | undefined;
  /** What the try that ran to its end took; undefined: none did, or too little was read of it. */
  readonly observed: WindowObservation | undefined;
}

/** Less time than this is not worth another try. */
const LEAST_MS = 1_000;

/**
 * Runs one window: the best rung that fits now; when it is out of memory, it is marked and the next cheaper one is
 * tried, until one ends otherwise, none is left or the time is over.
 */
export async function runWindow(opened: OpenedWindow, ports: WindowPorts): Promise<WindowRun> {
  const { document, name } = opened;
  const endMs = ports.monotonicMs() + document.budget.windowMs;
  const results: WindowResult[] = [];
  let { infeasible } = opened;
  let highest = document.chosenRung;
  const nothing = { accepted: undefined, observed: undefined };
  for (;;) {
    const memoryBytes = Math.min(await ports.freeBytes(), document.budget.memoryBytes);
    const index = chooseRung({ rungs: document.rungs, chosenRung: highest, memoryBytes, infeasible });
    const maxMs = endMs - ports.monotonicMs();
    if (index === undefined || maxMs < LEAST_MS) return { ...nothing, results, infeasible };
    const rung = document.rungs[index] as Prediction;
    const began = ports.monotonicMs();
    const openedAtMs = Math.max(0, Math.round(ports.nowMs()));
    const tried = (): Parameters<typeof failedWindow>[0] => {
      const window = results.length === 0 ? name : `${name}-${results.length + 1}`;
      return { window, model: document.model, openedAtMs, rung, durationMs: ports.monotonicMs() - began };
    };
    try {
      const outcome = await ports.retrain(rung, memoryBytes, maxMs);
      results.push(finishedWindow(tried(), outcome));
      const accepted = outcome.isAccepted ? outcome : undefined;
      return { results, infeasible, accepted, observed: observationOf(rung.config, outcome) };
    } catch (thrown) {
      results.push(failedWindow(tried(), thrown));
      if (!isOutOfMemory(thrown)) return { ...nothing, results, infeasible };
      infeasible = markInfeasible(infeasible, rung.config, memoryBytes);
      highest = index - 1;
      if (highest < 0) return { ...nothing, results, infeasible };
    }
  }
}

function observationOf(config: RetrainConfig, outcome: RetrainOutcome): WindowObservation | undefined {
  const { plannedPeakBytes, peakBytes, stepMs } = outcome;
  if (plannedPeakBytes === undefined || peakBytes === undefined || stepMs === undefined) return undefined;
  return { config, plannedPeakBytes, peakBytes, msPerStep: [stepMs] };
}
