import { MpoError, type Profile } from "@mpo/core";
import type { Clock } from "@mpo/io";
import type { Resources } from "@mpo/protocol";
import type { InputSummary } from "../drift/input-summary.ts";
import type {
  AgentEngine,
  CheckJob,
  CheckResult,
  ProbeJob,
  RetrainJob,
  RetrainOutcome,
} from "../ports/agent-engine.ts";
import type { DeviceMonitor } from "../ports/device-monitor.ts";
import type { ServingApp } from "../ports/serving-app.ts";
import { DEVICE_CLASS, MODEL_DIGEST } from "./documents.ts";
import { CHAIN, profileOf } from "./profile.ts";

const CURVE = {
  freezing: { featureExtraction: 1, normalisation: 0, linear: 1 },
  microBatch: 8,
  judge: "label-free",
  startAccuracy: 0.4,
  points: [{ steps: 8, accuracy: 0.6 }],
  judgedSamples: 256,
} as const;

/** A machine, its engine and its serving program in memory, for tests of the agent core. Sizes are small numbers. */
export class FakeDevice {
  readonly #clock: Clock;
  availableBytes = 10_000;
  isThrottled = false;
  loadAverage = 0;
  readonly retrained: RetrainJob[] = [];
  readonly probed: ProbeJob[] = [];
  readonly published: string[] = [];
  probes = 0;
  models = [{ name: "resnet", manifestDigest: MODEL_DIGEST }];
  inputs: InputSummary[] = [];
  /** Folders that are no models. */
  passedOver: readonly { readonly path: string; readonly why: string }[] = [];
  /** Folders whose inputs nobody removes. */
  crowds: readonly { readonly folder: string; readonly count: number }[] = [];
  /** What a retraining does; default: it takes its predicted time and is accepted. */
  onRetrain: ((job: RetrainJob) => Promise<Partial<RetrainOutcome>> | Partial<RetrainOutcome>) | undefined;
  /** Throws when a retrained model could not be written. */
  onWrite: (() => void) | undefined;
  /** Throws when the inputs of a model cannot be read. */
  onLook: ((model: string) => void) | undefined;
  onProbe: (() => void) | undefined;
  /** What a probe measures. */
  profileOf: (model: string, measuredAtMs: number) => Profile = profileOf;
  readonly checks: CheckJob[] = [];
  /** What a check measures; default: what was predicted. */
  onCheck: ((job: CheckJob) => Partial<CheckResult["measured"]>) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly monitor: DeviceMonitor = {
    inventory: async () => ({
      deviceClass: DEVICE_CLASS,
      board: "",
      cpuModel: "",
      cpuCores: 2,
      memoryBytes: 10_000,
      swapBytes: 0,
      gpus: [],
      os: "",
      kernel: "",
      architecture: "x64",
      agentVersion: "0.1.0",
      nodeVersion: "v20",
    }),
    resources: async (): Promise<Resources> => ({
      measuredAtMs: Math.max(0, this.#clock.now()),
      memoryAvailableBytes: this.availableBytes,
      diskFreeBytes: 1e9,
      loadAverage: this.loadAverage,
      isThrottled: this.isThrottled,
    }),
  };

  /** Whether the program has put its model where the agent looks. */
  hasModel = true;

  readonly engine: AgentEngine = {
    probe: async (job, { signal }) => {
      this.probed.push(job);
      await this.#clock.sleep(5_000, { signal });
      this.onProbe?.();
      this.probes += 1;
      const profile = this.profileOf(job.model, Math.round(this.#clock.now()));
      return { profile: { ...profile, accuracy: job.known === undefined ? [] : [CURVE] }, chain: CHAIN };
    },
    check: async (job, { signal }) => {
      this.checks.push(job);
      await this.#clock.sleep(1_000, { signal });
      const measured = { config: job.config, plannedBytes: 40, peakBytes: 50, stepMs: [job.stepMs] };
      const { graphDigest } = profileOf(job.model, 1).model;
      return { measured: { ...measured, ...this.onCheck?.(job) }, idleBytes: 100, graphDigest, chain: CHAIN };
    },
    retrain: async (job, { signal }) => {
      this.retrained.push(job);
      await this.#clock.sleep(2_000, { signal });
      const change = (await this.onRetrain?.(job)) ?? {};
      return {
        isAccepted: true,
        reason: "better",
        steps: 10,
        config: job.rung.config,
        stepMs: [100],
        overheadMs: 1_000,
        plannedBytes: 40,
        peakBytes: 50,
        judgement: "labels",
        judgedSamples: 100,
        accuracyBefore: 0.4,
        accuracyAfter: 0.6,
        stagedFolder: "staged",
        ...change,
      };
    },
  };

  readonly serving: ServingApp = {
    models: async () => (this.hasModel ? this.models : []),
    passedOver: () => this.passedOver,
    crowds: () => this.crowds,
    inputsAfter: async (model, cursor) => {
      this.onLook?.(model);
      const from = Number(cursor === "" ? 0 : cursor);
      const summaries = this.inputs.slice(from).map((batch, at) => ({ ...batch, before: String(from + at) }));
      return { summaries, cursor: String(this.inputs.length || "") };
    },
    trainingFiles: async (_, cursor) => ({ files: ["a.npy"], count: (this.inputs.length - Number(cursor)) * 32 }),
    folders: async () => ({ source: "source", serving: "source", staging: "staged" }),
    requireWritable: async () => this.onWrite?.(),
    publish: async (_, staged) => {
      this.published.push(staged);
    },
  };

  /** Drops batches of 32 inputs of this brightness. */
  drop(batches: number, brightness: number): void {
    const intensities = new Array<number>(16).fill(0);
    intensities[Math.floor(brightness * 15)] = 100;
    const features = { brightness, contrast: 0.2, detail: 0.1 };
    const texture = { coarse: 0.1, column: 0.1, bend: 0.1 };
    for (let batch = 0; batch < batches; batch++) {
      this.inputs.push({ count: 32, features, texture, intensities, confidences: [] });
    }
  }
}

/** What a worker that the system's memory killer took leaves behind. */
export function killed(): MpoError {
  return new MpoError("worker-killed", "the worker ended with signal SIGKILL");
}
