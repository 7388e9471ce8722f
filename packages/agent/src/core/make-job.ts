import type { Prediction } from "@mpo/core";
import type { DueProbe } from "../policy/probe-schedule.ts";
import type { ProbeJob, RetrainJob } from "../ports/agent-engine.ts";
import type { ModelFolders } from "../ports/serving-app.ts";
import type { AgentSettings } from "./agent-settings.ts";

/** A rung that a window runs now. */
export interface RungToRun {
  readonly model: string;
  /** Files with recent inputs, newest first. */
  readonly files: readonly string[];
  readonly rung: Prediction;
  readonly memoryBytes: number;
  readonly maxMs: number;
}

/** The job of running a rung. */
export function retrainJob(
  { model, files, rung, memoryBytes, maxMs }: RungToRun,
  { serving, source, staging }: ModelFolders,
  { method }: AgentSettings,
  random: () => number,
): RetrainJob {
  return {
    ...{ model, memoryBytes, maxMs, method },
    modelFolder: serving,
    sourceFolder: source,
    stagingFolder: staging,
    inputFiles: files,
    config: rung.config,
    stepMs: rung.stepMs.expected,
    bestSteps: rung.accuracy.steps,
    seed: Math.floor(random() * 2 ** 31),
  };
}

/** What a probe may use, and who measures when. */
export interface ProbeMeans {
  /** Folder of the model as deployed. */
  readonly source: string;
  readonly files: readonly string[];
  readonly memoryBytes: number;
  readonly deviceClass: string;
  readonly nowMs: number;
}

/** The job of a probe that is due. */
export function probeJob(
  { model, order }: DueProbe,
  { source, files, memoryBytes, deviceClass, nowMs }: ProbeMeans,
  { method, effectiveBatch, probeMs, identity }: AgentSettings,
): ProbeJob {
  return {
    ...{ model, memoryBytes, method, effectiveBatch, nowMs },
    modelFolder: source,
    inputFiles: files,
    configs: order?.configs ?? [],
    maxMs: order?.maxMs ?? probeMs,
    device: { id: identity.device, class: deviceClass },
  };
}
