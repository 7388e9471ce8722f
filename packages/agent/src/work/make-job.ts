import { given, type MethodName, methodsOf, type Prediction, type Profile } from "@mpo/core";
import type { AgentSettings } from "../core/agent-settings.ts";
import type { DueProbe } from "../policy/probe-schedule.ts";
import type { CheckJob, ProbeJob, RetrainJob } from "../ports/agent-engine.ts";
import type { ModelFolders } from "../ports/serving-app.ts";

/** A rung that a window runs now. */
export interface RungToRun {
  readonly model: string;
  /** Files with recent inputs, newest first. */
  readonly files: readonly string[];
  readonly rung: Prediction;
  readonly memoryBytes: number;
  readonly maxMs: number;
  /** What this device or another has learned of a like drift. */
  readonly start: Uint8Array | undefined;
}

/** The job of running a rung. */
export function retrainJob(
  { model, files, rung, memoryBytes, maxMs, start }: RungToRun,
  { serving, source, staging }: ModelFolders,
  method: string,
  random: () => number,
): RetrainJob {
  return {
    ...{ model, rung, memoryBytes, maxMs, method },
    modelFolder: serving,
    sourceFolder: source,
    stagingFolder: staging,
    inputFiles: files,
    seed: Math.floor(random() * 2 ** 31),
    ...given({ start }),
  };
}

/** What a probe may use, and who measures when. */
export interface ProbeMeans {
  /** Folder of the model that is probed. */
  readonly folder: string;
  readonly memoryBytes: number;
  readonly deviceClass: string;
  readonly methods: readonly MethodName[];
}

/** How long a probe that is due may take. */
export function probeMsOf({ order }: DueProbe, { probeMs }: AgentSettings): number {
  return Math.min(order?.maxMs ?? probeMs, probeMs);
}

/** The job of a probe that is due: memory and time of the model as deployed. */
export function probeJob(
  due: DueProbe,
  { folder, memoryBytes, deviceClass, methods }: ProbeMeans,
  settings: AgentSettings,
): ProbeJob {
  const { model, order } = due;
  const { effectiveBatch, identity } = settings;
  return {
    ...{ model, memoryBytes, methods, effectiveBatch },
    modelFolder: folder,
    sourceFolder: folder,
    inputFiles: [],
    configs: order?.configs ?? [],
    maxMs: probeMsOf(due, settings),
    device: { id: identity.device, class: deviceClass },
  };
}

/** What a check may use. */
interface CheckMeans extends Pick<ProbeMeans, "folder" | "memoryBytes">, Pick<CheckJob, "method" | "maxMs"> {}

/** The job of checking a rung: what its steps take on the model as deployed. */
export function checkJob(
  model: string,
  { config, stepMs }: Pick<Prediction, "config" | "stepMs">,
  { folder, memoryBytes, method, maxMs }: CheckMeans,
): CheckJob {
  return { ...{ model, config, memoryBytes, method, maxMs }, modelFolder: folder, stepMs: stepMs.expected };
}

/** Inputs that have drifted, and what is known of the model's memory and time. */
export interface CurvesToMeasure {
  readonly model: string;
  /** Newest first. */
  readonly files: readonly string[];
  readonly known: Profile;
  /** That the agent may run. */
  readonly methods: readonly MethodName[];
}

/** The job of measuring how accuracy moves on drifted inputs, from the weights that serve. */
export function curvesJob(
  { model, files, known, methods }: CurvesToMeasure,
  { serving, source, memoryBytes }: Pick<ModelFolders, "serving" | "source"> & Pick<ProbeMeans, "memoryBytes">,
  { curvesMs }: AgentSettings,
): ProbeJob {
  return {
    ...{ model, memoryBytes, known },
    // One alone is that which was measured.
    methods: methods.length > 1 ? methods : methodsOf(known).slice(0, 1),
    effectiveBatch: known.effectiveBatch,
    modelFolder: serving,
    sourceFolder: source,
    inputFiles: files,
    configs: [],
    maxMs: curvesMs,
    device: known.device,
  };
}
