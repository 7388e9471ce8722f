import { setMaxListeners } from "node:events";
import { type LinkedSignal, linkSignals } from "@mpo/io";
import { type AdminClient, FLEET_LAYOUT, openExistingStore, type StateStore } from "@mpo/transport";
import type { ClusterFleet } from "./cluster-fleet.ts";
import type { ClusterHistory } from "./cluster-history.ts";
import { pushDocuments } from "./document-load.ts";
import { LabelledDevices } from "./label-load.ts";
import type { LoadNotes } from "./outcomes.ts";
import { type RegisterWorker, readRegisters, workOnRegisters } from "./register-load.ts";
import { RolloutThrough } from "./rollout-load.ts";
import type { Timeline } from "./timeline.ts";

export interface ClusterLoadOptions {
  readonly fleet: ClusterFleet;
  readonly history: ClusterHistory;
  readonly timeline: Timeline;
  readonly agents: number;
  /** Devices that are switched off, after the agents. */
  readonly ghosts: number;
  readonly seed: number;
  readonly maxMs: number;
  readonly signal: AbortSignal;
}

const OPERATORS = 4;
const BUSY_DEVICES = 8;
const REGISTER_WORKERS = ["a", "b", "c"] as const;

/** Everything that goes on at a fleet while things go wrong, and the looks at what became of it. */
export class ClusterLoad implements AsyncDisposable {
  readonly #busy: readonly number[];
  readonly unknown: Record<string, number> = {};
  readonly notes: LoadNotes;
  readonly labels: LabelledDevices;
  readonly rollout: RolloutThrough;
  readonly #options: ClusterLoadOptions;
  readonly #store: StateStore;
  readonly #admin: AdminClient;
  readonly #loading: LinkedSignal;
  readonly #watching: LinkedSignal;
  readonly #closes: (() => Promise<void> | void)[];
  readonly #work: Promise<void>[] = [];
  readonly #watches: Promise<void>[] = [];

  private constructor(options: ClusterLoadOptions, store: StateStore, closes: (() => Promise<void> | void)[]) {
    const { fleet, history, timeline, agents, ghosts, seed, maxMs, signal } = options;
    this.#options = options;
    this.#busy = Array.from({ length: Math.min(BUSY_DEVICES, agents) }, (_, device) => device);
    this.#store = store;
    this.#closes = closes;
    this.#loading = linkSignals(signal);
    this.#watching = linkSignals(signal);
    // Every call under way listens.
    for (const one of [signal, this.#loading.signal, this.#watching.signal]) setMaxListeners(0, one);
    const onOutcome = (outcome: string): void => {
      this.unknown[outcome] = (this.unknown[outcome] ?? 0) + 1;
    };
    this.notes = { history, onOutcome, signal: this.#loading.signal };
    this.#admin = fleet.operator();
    closes.push(() => this.#admin.close());
    const labelling = { ...this.notes, admin: this.#admin, agents, ghosts, seed: seed + 1 };
    this.labels = new LabelledDevices({ ...labelling, onWritten: (atMs) => timeline.written(atMs) });
    const rolling = { store, admin: this.#admin, agents, excluded: this.#busy, maxMs, signal };
    this.rollout = new RolloutThrough(rolling, this.#watching.signal);
  }

  static async start(options: ClusterLoadOptions): Promise<ClusterLoad> {
    const closes: (() => Promise<void> | void)[] = [];
    const load = new ClusterLoad(options, await openStore(options, closes), closes);
    try {
      await load.#begin();
      return load;
    } catch (thrown) {
      await load[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  async #begin(): Promise<void> {
    const { fleet, history, timeline, agents, seed } = this.#options;
    this.#watches.push(history.watch(this.#store, this.#watching.signal), this.rollout.following);
    await this.rollout.start();
    const operators = Array.from({ length: OPERATORS }, () => fleet.operator());
    this.#closes.push(() => {
      for (const admin of operators) admin.close();
    });
    const mayPush = (device: number): boolean => this.rollout.mayPush(device);
    const pushing = { ...this.notes, operators, agents, busy: this.#busy, mayPush, seed: seed + 2 };
    const workers: RegisterWorker[] = [];
    for (const [index, name] of REGISTER_WORKERS.entries()) {
      const store = await openStore(this.#options, this.#closes);
      workers.push({ ...this.#registers(name, seed + 100 + index), store });
    }
    this.#work.push(
      this.labels.run(),
      pushDocuments({ ...pushing, onPushed: (push) => timeline.pushed(push) }),
      ...workers.map(workOnRegisters),
      ...fleet.coordinators.map((one) => timeline.follow(one, this.#loading.signal)),
    );
  }

  /** Rejects when a part of it does. */
  async failure(): Promise<never> {
    await Promise.all([...this.#work, ...this.#watches]);
    return await new Promise<never>(() => undefined);
  }

  /** Ends the load; what is stored is followed on. */
  async end(): Promise<void> {
    this.#loading.abort();
    await Promise.all(this.#work);
  }

  async checkLabels(): Promise<void> {
    const { fleet, signal } = this.#options;
    for (const { admin, name } of fleet.coordinators) await this.labels.check(admin, name, signal);
  }

  /** Looks for all that was acknowledged in the store. Returns how many events it holds. */
  async checkStored(): Promise<number> {
    const { fleet, history, signal } = this.#options;
    await history.checkReports(this.#store);
    let events = 0;
    for (const { name, admin } of fleet.coordinators) {
      for await (const { findings, entries } of admin.verifyEvents({}, { signal })) {
        events = entries;
        for (const { kind, sequence, message } of findings) {
          history.fail(`${name}: event ${sequence} is ${kind}: ${message}`);
        }
      }
    }
    return events;
  }

  /** Every server must hold the same. */
  async checkCopies(): Promise<void> {
    const { fleet, history, signal } = this.#options;
    const { away, differences } = await fleet.compareCopies(signal);
    for (const server of away) history.fail(`${server} lacks the newest of the store`);
    for (const { server, stream, sequence } of differences)
      history.fail(`${server}: its copy of ${stream} differs from entry ${sequence} on`);
  }

  /** The last look, when nothing goes on any more. */
  async checkAll(): Promise<number> {
    const { history, signal } = this.#options;
    await readRegisters({ ...this.#registers("last", 0), store: this.#store, signal });
    await history.checkPushed((identity, version) => this.#admin.getConfig({ identity, version }, { signal }));
    await this.checkLabels();
    await this.checkCopies();
    return await this.checkStored();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#loading.abort();
    this.#watching.abort();
    await Promise.allSettled([...this.#work, ...this.#watches]);
    for (const close of this.#closes.reverse()) await close();
    this.#loading[Symbol.dispose]();
    this.#watching[Symbol.dispose]();
  }

  #registers(name: string, seed: number): Omit<RegisterWorker, "store"> {
    return { ...this.notes, name, seed, onStored: (atMs) => this.#options.timeline.stored(atMs) };
  }
}

async function openStore(
  { fleet, signal }: ClusterLoadOptions,
  closes: (() => Promise<void> | void)[],
): Promise<StateStore> {
  const link = await fleet.storeLink(signal);
  closes.push(() => link.close());
  return await openExistingStore(link, FLEET_LAYOUT, { replicas: fleet.cluster.nodes.length });
}
