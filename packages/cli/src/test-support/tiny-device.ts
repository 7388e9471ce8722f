import { join } from "node:path";
import type { TestContext } from "node:test";
import {
  AGENT_VERSION,
  type Agent,
  type AgentEngine,
  type AgentSettings,
  connectFleet,
  DEFAULT_AGENT_SETTINGS,
  engineVersion,
  runAgentDaemon,
} from "@mpo/agent";
import { MpoError } from "@mpo/core";
import { chainOf, readLayersModel, writeLayersModel } from "@mpo/engine";
import { systemClock } from "@mpo/io";
import { type Logger, silentLogger } from "@mpo/runtime";
import { racedProfile, TINY_MODEL, tinyProfile } from "./tiny-model.ts";

/** A device of a test. */
export interface TinyDevice {
  readonly agent: Agent;
  /** Folder of the model that it serves. */
  readonly modelFolder: string;
  stop(): Promise<void>;
}

/** What a window of a tiny device sees. */
export const SEEN = { peakBytes: 7_654_321, stepMs: 12.5, accuracyBefore: 0.5, accuracyAfter: 0.625 } as const;

/** On a device of this name every probe fails. */
export const BROKEN_DEVICE = "broken";

/** Measures and retrains in no time; everything else of the agent is the product's. */
const engine: AgentEngine = {
  probe: async ({ model, modelFolder, device, methods }) => {
    if (device.id === BROKEN_DEVICE) throw new MpoError("over-budget", "nothing fits", { hint: "Free some memory." });
    const { graph } = await readLayersModel(modelFolder);
    const profile = tinyProfile(model, device, graph);
    return { profile: methods.length > 1 ? racedProfile(profile, graph) : profile, chain: chainOf(graph) };
  },
  check: async ({ config, modelFolder }) => {
    const { graph } = await readLayersModel(modelFolder);
    return {
      measured: { config, plannedBytes: SEEN.peakBytes, peakBytes: SEEN.peakBytes, stepMs: [SEEN.stepMs] },
      idleBytes: 100_000_000,
      graphDigest: tinyProfile("tiny", { id: "a", class: "b" }, graph).model.graphDigest,
      chain: chainOf(graph),
    };
  },
  retrain: async ({ rung: { config, accuracy, memoryBytes } }) => ({
    ...{ isAccepted: false, reason: "as good as before", steps: accuracy.steps, judgement: "label-free", config },
    ...{
      ...SEEN,
      stepMs: [SEEN.stepMs],
      plannedBytes: Math.round(memoryBytes.expected),
      overheadMs: 100,
      judgedSamples: 256,
    },
  }),
};

/** Starts the product's agent with a made-up engine; it serves the model `tiny`. It is stopped after the test. */
export async function startTinyDevice(
  context: TestContext,
  options: {
    readonly device: string;
    readonly coordinator: string;
    readonly folder: string;
    readonly labels?: AgentSettings["labels"];
    readonly logger?: Logger;
    /** What its owner allows. */
    readonly limits?: object;
    readonly settings?: Partial<AgentSettings>;
    /** How it retrains. Default: to no avail. */
    readonly retrain?: AgentEngine["retrain"];
  },
): Promise<TinyDevice> {
  const { device, coordinator, labels = [], logger = silentLogger, limits = {} } = options;
  const { settings, retrain = engine.retrain } = options;
  const folder = join(options.folder, device);
  const modelFolder = join(folder, "serving/tiny/model");
  await writeLayersModel(TINY_MODEL, modelFolder);
  const common = { clock: systemClock, random: Math.random, logger };
  const identity = { tenant: "default", device };
  const ends = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const stop = async (): Promise<void> => {
    ends.abort();
    await running;
  };
  context.after(stop);
  const agent = await new Promise<Agent>((resolve, reject) => {
    running = runAgentDaemon({
      settings: {
        ...DEFAULT_AGENT_SETTINGS,
        ...{ identity, labels, agentVersion: AGENT_VERSION, engineVersion: engineVersion() },
        methods: ["shot"],
        // The machine may be busy with other tests; and there are no inputs.
        ...{ tickMs: 20, probePatienceMs: 0, minTrainingInputs: 0, linkRetry: { baseMs: 50, capMs: 200 } },
        ...settings,
      },
      dataFolder: join(folder, "data"),
      servingRoot: join(folder, "serving"),
      limitsFile: { path: "limits.json", read: async () => JSON.stringify(limits) },
      ...{ engine: { ...engine, retrain }, signal: ends.signal, environment: process.env, ...common },
      connect: (as) => connectFleet({ identity: as, coordinators: [coordinator], ...common }),
      onReady: resolve,
    });
    running.catch(reject);
  });
  return { agent, modelFolder, stop };
}
