import { MpoError, SECOND_MS } from "@mpo/core";
import type { ChildHost } from "@mpo/io";
import { benchProcess, failureOf } from "./bench-process.ts";
import type { AcknowledgedReport, DriverPlan, FleetIdentities, FleetModel, FromDriver } from "./fleet-messages.ts";

/** Agents of one driver's process: it shares a core with the coordinator. */
const AGENTS_A_DRIVER = 2_500;
const LOOK_MS = 50;
const PATIENCE_MS = 90_000;

export interface SimulatedFleetOptions {
  readonly coordinators: readonly string[];
  readonly brokenEvery?: number;
  readonly identities?: FleetIdentities | undefined;
  readonly agents: number;
  /** Default: tiny. */
  readonly model?: FleetModel;
  /** Number of the first device. Default 0. */
  readonly from?: number;
  /** Hears of all that its agents say, in each one's order. */
  readonly listener?: (message: Pick<FromDriver, "applied" | "acknowledged">) => void;
  readonly startsPerSecond: number;
  readonly seed: number;
}

/** What a wait of `until` looks at. */
export interface WaitOptions {
  readonly what: string;
  /** It fails after this long without progress. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** How far it is; the wait is over at `goal`. */
  readonly progress: () => number;
  readonly goal: number;
  readonly onProgress: (done: number) => void;
}

/** Many simulated agents in a few processes, and what they have reported. */
export class SimulatedFleet implements AsyncDisposable {
  readonly #drivers: readonly ChildHost[];
  readonly #joined: number[];
  readonly #reconnected: number[];
  readonly #warnings: Readonly<Record<string, number>>[];
  readonly #appliedAtMs = new Map<string, number>();
  readonly #newest = new Map<number, number>();
  readonly acknowledged: AcknowledgedReport[] = [];
  readonly #listener: SimulatedFleetOptions["listener"];

  #round = 0;

  constructor({ agents, from = 0, startsPerSecond, seed, listener, model = "tiny", ...common }: SimulatedFleetOptions) {
    this.#listener = listener;
    const count = Math.ceil(agents / AGENTS_A_DRIVER);
    this.#joined = new Array<number>(count).fill(0);
    this.#reconnected = new Array<number>(count).fill(0);
    this.#warnings = new Array<Readonly<Record<string, number>>>(count).fill({});
    this.#drivers = this.#joined.map((_, index) => {
      const first = Math.floor((index * agents) / count);
      const plan: DriverPlan = {
        ...{ ...common, model, seed: seed + index, startsPerSecond: startsPerSecond / count },
        first: from + first,
        count: Math.floor(((index + 1) * agents) / count) - first,
      };
      return benchProcess(`driver ${index + 1}`, "fleet-driver-main", [JSON.stringify(plan)], (message) =>
        this.#hear(index, message as FromDriver),
      );
    });
  }

  get drivers(): number {
    return this.#drivers.length;
  }

  /** Agents that are online and connected to NATS. */
  get joined(): number {
    return this.#joined.reduce((sum, one) => sum + one, 0);
  }

  /** Agents that a coordinator has answered since `reconnect`. */
  get reconnected(): number {
    return this.#reconnected.reduce((sum, one) => sum + one, 0);
  }

  /** Agents that run by some document. */
  get configured(): number {
    return this.#newest.size;
  }

  /** What went wrong and was tried again, all agents together. */
  get warnings(): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {};
    for (const driver of this.#warnings) {
      for (const [what, times] of Object.entries(driver)) sums[what] = (sums[what] ?? 0) + times;
    }
    return sums;
  }

  /** Waits until its agents are online and connected to NATS. */
  async untilJoined(agents: number, signal: AbortSignal): Promise<void> {
    const progress = (): number => this.joined;
    const wait = { what: "agents joined", goal: agents, patienceMs: PATIENCE_MS, onProgress: () => undefined };
    await Promise.race([until({ ...wait, progress, signal }), this.failure()]);
  }

  /** When a device said that it runs by a version, milliseconds since 1970-01-01 UTC; undefined: not yet. */
  appliedAtMs(device: number, version: number): number | undefined {
    return this.#appliedAtMs.get(`${device} ${version}`);
  }

  newestVersion(device: number): number {
    return this.#newest.get(device) ?? 0;
  }

  /** Lets all probes end: everybody reports. */
  report(): void {
    for (const driver of this.#drivers) driver.send({ kind: "report" });
  }

  /** Begins to count, from none on, who reaches a coordinator. */
  reconnect(): void {
    this.#round += 1;
    this.#reconnected.fill(0);
    for (const driver of this.#drivers) driver.send({ kind: "reconnect", round: this.#round });
  }

  /** Rejects when a driver exits unexpectedly. */
  async failure(): Promise<never> {
    return await Promise.race(this.#drivers.map((driver) => failureOf(driver)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#drivers.map((driver) => driver.close()));
  }

  #hear(index: number, { joined, reconnected, round, applied, acknowledged, warnings }: FromDriver): void {
    this.#listener?.({ applied, acknowledged });
    this.#joined[index] = joined;
    if (round === this.#round) this.#reconnected[index] = reconnected;
    this.#warnings[index] = warnings;
    this.acknowledged.push(...acknowledged);
    for (const { device, version, atMs } of applied) {
      const key = `${device} ${version}`;
      // The first time counts: an agent may say it again on another rung.
      if (!this.#appliedAtMs.has(key)) this.#appliedAtMs.set(key, atMs);
      this.#newest.set(device, Math.max(version, this.newestVersion(device)));
    }
  }
}

/** Waits for progress to reach a goal. Throws `timed-out` when it has stopped, `cancelled` by the signal. */
export async function until(options: WaitOptions): Promise<void> {
  const { what, patienceMs, signal, progress, goal, onProgress } = options;
  let done = -1;
  let movedMs = performance.now();
  while (done < goal) {
    signal.throwIfAborted();
    const now = progress();
    if (now !== done) movedMs = performance.now();
    done = now;
    onProgress(done);
    if (performance.now() - movedMs > patienceMs) {
      throw new MpoError("timed-out", `${what}: ${done} of ${goal}, and no progress for ${patienceMs / SECOND_MS} s`);
    }
    if (done < goal) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
