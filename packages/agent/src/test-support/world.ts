import { VirtualClock } from "@mpo/io/testing";
import type { WindowResult } from "@mpo/protocol";
import { createLogger, type Logger } from "@mpo/runtime";
import { type Agent, createAgent } from "../core/agent.ts";
import { type AgentSettings, DEFAULT_AGENT_SETTINGS } from "../core/agent-settings.ts";
import { MemoryDisk, type WriteFault } from "../testing/memory-disk.ts";
import { IDENTITY, START_MS } from "./documents.ts";
import { FakeDevice } from "./fake-device.ts";
import { FakeFleet } from "./fake-fleet.ts";

export const SETTINGS: AgentSettings = {
  ...DEFAULT_AGENT_SETTINGS,
  identity: IDENTITY,
  agentVersion: "0.1.0",
  engineVersion: "0.1.0",
  minTrainingInputs: 64,
  budget: {
    reserveBytes: 100,
    reserveShare: 0,
    workerIdleBytes: 100,
    maxMemoryPressurePercent: 10,
    maxTemperatureCelsius: 80,
    minDiskFreeBytes: 0,
  },
};

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** An agent in virtual time, with everything around it; `restart` begins another process on the same disk. */
export class World {
  readonly clock = new VirtualClock(START_MS);
  readonly fleet = new FakeFleet(this.clock);
  readonly device = new FakeDevice(this.clock);
  readonly disk: MemoryDisk;
  agent: Agent | undefined;
  lives = 0;
  readonly log: string[] = [];
  hasLogReader = true;
  settings: AgentSettings = SETTINGS;
  /** When the work made its turns, and within what time it said that the next comes. */
  readonly turns: { readonly atMs: number; readonly nextWithinMs: number }[] = [];
  /** What the owner's file of limits holds; undefined: there is none. */
  limits: object | string | undefined;
  readonly logger: Logger = createLogger({
    write: (line, done) => {
      if (!this.hasLogReader) throw new Error("EPIPE");
      this.log.push(line);
      done();
    },
  });
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(fault?: (write: number) => WriteFault) {
    this.disk = new MemoryDisk(fault);
  }

  async start(): Promise<Agent> {
    this.#stop = new AbortController();
    const { clock, disk } = this;
    const { monitor, engine, serving } = this.device;
    const { link, connectFeed } = this.fleet;
    const random = seeded(++this.lives);
    const agent = await createAgent(this.settings, {
      ...{ clock, disk, link, connectFeed, monitor, engine, serving, random },
      onTurn: (nextWithinMs) => void this.turns.push({ atMs: clock.monotonicMs(), nextWithinMs }),
      limitsFile: {
        path: "limits.json",
        read: async () => (typeof this.limits === "object" ? JSON.stringify(this.limits) : this.limits),
      },
      logger: this.logger,
    });
    this.agent = agent;
    this.#running = agent.run({ signal: this.#stop.signal });
    // A crashed disk ends the loops with `cancelled`.
    this.#running.catch(() => undefined);
    return agent;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    await this.#running.catch(() => undefined);
  }

  async restart(): Promise<Agent> {
    await this.stop();
    this.disk.restart();
    return this.start();
  }

  async pass(seconds: number): Promise<void> {
    await this.clock.advance(seconds * 1000);
  }

  get applied(): number | undefined {
    return this.agent?.snapshot().applied?.version;
  }

  /** What was told of documents: "1 applied 2". */
  get told(): readonly string[] {
    return this.fleet.statuses.flatMap(({ status }) =>
      status.kind === "document"
        ? [`${status.document.version.version} ${status.document.state} ${status.document.rung ?? "-"}`]
        : [],
    );
  }

  get windows(): readonly string[] {
    return this.windowResults.map(({ outcome }) => outcome);
  }

  get windowResults(): readonly WindowResult[] {
    return this.fleet.statuses.flatMap(({ status }) => (status.kind === "window" ? [status.window] : []));
  }
}

/** Runs a check in a world of its own. */
export async function inWorld(
  check: (world: World) => Promise<void>,
  fault?: (write: number) => WriteFault,
): Promise<void> {
  const world = new World(fault);
  try {
    await check(world);
  } finally {
    await world.stop();
    world.fleet.hub.close();
  }
}
