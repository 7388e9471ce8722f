import {
  type Agent,
  type AgentEngine,
  createAgent,
  DEFAULT_AGENT_SETTINGS,
  type FleetLink,
  type InputSummary,
  type ServingApp,
} from "@mpo/agent";
import { MemoryDisk } from "@mpo/agent/testing";
import { tinyChain, tinyProfile } from "@mpo/coordinator/testing";
import { type Chain, MpoError } from "@mpo/core";
import type { Clock } from "@mpo/io";
import { type DeviceIdentity, deviceKey, type Inventory } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { BUCKETS } from "@mpo/transport";
import type { MemoryNotifyHub, MemoryStateServer } from "@mpo/transport/testing";
import { pretendCheck, pretendMonitor, pretendServing, pretendSettings } from "../pretend-device.ts";
import { forged } from "./forged-document.ts";
import type { SimulatedNats } from "./simulated-keys.ts";
import type { SimulatedMember } from "./simulated-member.ts";

export interface DeviceOptions {
  readonly identity: DeviceIdentity;
  /** Restarts of one machine have it in common. */
  readonly machineId: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** Over the network, and with what the device proves itself. */
  readonly link: FleetLink;
  readonly member: SimulatedMember;
  readonly nats: SimulatedNats;
  readonly server: MemoryStateServer;
  readonly hub: MemoryNotifyHub;
  /** Whether faults may happen now. */
  readonly isStormy: () => boolean;
}

export const SIMULATED_MODEL = "tiny";
const CHAIN: Chain = tinyChain(3);
/** Share of the answers that somebody has put in the place of the true ones. */
const FORGED = 0.05;

/** A machine in numbers with the product's agent on it, which can be killed at any moment and started again. */
export class SimulatedDevice {
  readonly identity: DeviceIdentity;
  readonly machineId: string;
  readonly member: SimulatedMember;
  readonly #options: DeviceOptions;
  readonly #disk: MemoryDisk;
  readonly #inputs: InputSummary[] = [];
  #agent: Agent | undefined;
  #life = new AbortController();
  /** Whether network and bus are cut. */
  isCut: boolean = false;
  /** Whether its disk is full, or read-only. */
  isUnwritable: boolean = false;
  /** By how much its clock is wrong. */
  clockMovedMs: number = 0;
  readonly #clock: Clock;
  #failure: unknown;

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.member = options.member;
    this.identity = options.identity;
    this.machineId = options.machineId;
    const { random, isStormy, clock } = options;
    this.#clock = { ...clock, now: () => clock.now() + this.clockMovedMs };
    this.#disk = new MemoryDisk(() => {
      if (this.isUnwritable) return "full";
      if (!isStormy()) return "none";
      const draw = random();
      if (draw < 0.01) return "full";
      if (draw < 0.015) return "crash-before";
      return draw < 0.02 ? "crash-after" : "none";
    });
  }

  /** The agent that runs; undefined: it is dead. */
  get agent(): Agent | undefined {
    return this.#agent;
  }

  inventory(): Promise<Inventory> {
    return this.#monitor.inventory();
  }

  /** What ended the agent without being killed. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Files of inputs that are brighter or darker than before. */
  drop(brightness: number): void {
    const intensities = new Array<number>(16).fill(0);
    intensities[Math.floor(brightness * 15)] = 100;
    const features = { brightness, contrast: 0.2, detail: 0.1 };
    const texture = { coarse: 0.1, column: 0.1, bend: 0.1 };
    for (let file = 0; file < 8; file++)
      this.#inputs.push({ count: 32, features, texture, intensities, confidences: [] });
  }

  /** Becomes a second machine of the same name: another's disk was copied. */
  cloneOf(other: SimulatedDevice): void {
    other.#disk.copyTo(this.#disk);
    this.member.copyFrom(other.member);
  }

  kill(): void {
    this.#disk.crash();
    this.#life.abort();
    this.#agent = undefined;
  }

  /** Whether the process is gone, after a crash too. */
  get isDead(): boolean {
    return this.#agent === undefined || this.#disk.isCrashed;
  }

  async start(): Promise<void> {
    const { random, link, member } = this.#options;
    const clock = this.#clock;
    this.#life.abort();
    this.#life = new AbortController();
    this.#disk.restart();
    const { signal } = this.#life;
    const settings = pretendSettings(this.identity, {
      // As their probes measure: the profile of one may be another's.
      ...{ methods: ["crossEntropy"], effectiveBatch: 32 },
      budget: { ...DEFAULT_AGENT_SETTINGS.budget, workerIdleBytes: 3e8 },
      tickMs: 30_000,
      watchMs: 60_000,
      windowPauseMs: 120_000,
      sharesAdaptations: true,
      profileStaleMs: 900_000,
      linkRetry: { baseMs: 1_000, capMs: 60_000 },
    });
    const starting = createAgent(settings, {
      clock,
      random,
      disk: this.#disk,
      link,
      connectFeed: () => Promise.resolve(this.#feed()),
      monitor: this.#monitor,
      engine: this.#engine,
      serving: this.#serving,
      logger: silentLogger,
      machine: { machineId: this.machineId },
      verify: member.verify,
    });
    const agent = await starting.catch((thrown: unknown) => {
      // It cannot start on a disk that takes nothing, and may crash meanwhile: it is dead then, and started again later.
      if (!this.#disk.isCrashed && !this.isUnwritable) throw thrown;
      return undefined;
    });
    this.#agent = agent;
    if (agent === undefined) return;
    void member.run(signal);
    agent.run({ signal }).catch((thrown: unknown) => {
      if (!signal.aborted && !this.#disk.isCrashed) this.#failure = thrown;
      if (this.#agent === agent) this.#agent = undefined;
    });
  }

  #feed() {
    const { server, hub, member, nats, random } = this.#options;
    const bus = hub.connect();
    const store = server.connect();
    return {
      bus,
      read: async (identity: DeviceIdentity, options: { readonly signal?: AbortSignal } = {}) => {
        if (this.isCut) throw new MpoError("unavailable", "the network is cut");
        const { natsJwt } = member;
        nats.requireUser(natsJwt, identity);
        const entry = await store.get(BUCKETS.desired, deviceKey(identity), { ...options, consistency: "any" });
        return entry && this.#options.isStormy() && random() < FORGED ? forged(entry.value, random()) : entry?.value;
      },
      close: async () => {
        await bus.close();
        await store.close();
      },
    };
  }

  readonly #monitor = pretendMonitor({}, () => ({
    measuredAtMs: Math.max(0, this.#clock.now()),
    memoryAvailableBytes: 700_000_000 + this.#options.random() * 2e8,
  }));

  readonly #engine: AgentEngine = {
    probe: async (job, { signal }) => {
      const { random, isStormy } = this.#options;
      const clock = this.#clock;
      await clock.sleep(5_000 + random() * 20_000, { signal });
      if (isStormy() && random() < 0.1) throw new MpoError("worker-killed", "the worker was killed");
      const profile = tinyProfile(job.device.id, { speed: 0.5 + random(), chain: CHAIN });
      return { profile: { ...profile, measuredAtMs: Math.max(0, Math.round(clock.now())) }, chain: CHAIN };
    },
    check: async (job, { signal }) => {
      const { clock, random, isStormy } = this.#options;
      await clock.sleep(2_000 + random() * 5_000, { signal });
      if (isStormy() && random() < 0.1) throw new MpoError("worker-killed", "the worker was killed");
      if (isStormy() && random() < 0.1) throw new MpoError("over-memory-cap", "the cap was hit");
      // Some are not like the device that measured.
      return pretendCheck({ ...job, stepMs: job.stepMs * (0.6 + random()) }, CHAIN);
    },
    retrain: async (job, { signal }) => {
      const { clock, random, isStormy } = this.#options;
      await clock.sleep(2_000 + random() * 20_000, { signal });
      if (isStormy() && random() < 0.2) throw new MpoError("over-memory-cap", "the cap was hit");
      return {
        isAccepted: random() < 0.8,
        reason: "",
        steps: 10,
        config: job.rung.config,
        stepMs: [job.rung.stepMs.expected],
        overheadMs: 4_000,
        judgedSamples: 256,
        plannedBytes: 1_000_000,
        peakBytes: 1_000_000,
        judgement: "label-free",
        accuracyBefore: 0.5,
        accuracyAfter: 0.6,
        stagedFolder: "staged",
        normalisation: Buffer.alloc(40, Math.floor(256 * random())),
        ...(job.start === undefined ? {} : { isFromStart: random() < 0.7 }),
      };
    },
  };

  readonly #serving: ServingApp = {
    ...pretendServing(SIMULATED_MODEL),
    inputsAfter: async (_, cursor) => {
      const from = cursor === "" ? 0 : Number(cursor);
      const summaries = this.#inputs.slice(from).map((batch, at) => ({ ...batch, before: String(from + at) }));
      return { summaries, cursor: String(this.#inputs.length) };
    },
    trainingFiles: async (_, cursor) => {
      return { files: ["inputs.npy"], count: (this.#inputs.length - Number(cursor)) * 32 };
    },
  };
}
