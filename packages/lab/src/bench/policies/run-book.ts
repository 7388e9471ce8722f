import {
  type PolicyDrift,
  type PolicyRun,
  type PolicyRunOutcome,
  type PolicyRunTask,
  runPolicy,
} from "./policy-run.ts";

/** What one run came to over all drifts. */
export interface BookedRun {
  /** In the order of the drifts. Empty: it broke its own memory bound. */
  readonly outcomes: readonly PolicyRunOutcome[];
  /** Highest that was measured; undefined: it broke its bound. */
  readonly peakBytes: number | undefined;
}

/** Runs what is asked for, each run once for each drift; what is known from before is not run again. */
export class RunBook {
  readonly #outcomes = new Map<string, Map<string, PolicyRunOutcome>>();
  readonly #task: PolicyRunTask;
  readonly #drifts: readonly PolicyDrift[];
  readonly #keep: (outcomes: readonly PolicyRunOutcome[]) => Promise<void>;
  readonly #report: (run: PolicyRun, corruption: string) => void;

  /** `keep` is told everything that is known after each new outcome. */
  constructor(options: {
    readonly task: PolicyRunTask;
    readonly drifts: readonly PolicyDrift[];
    readonly known: readonly PolicyRunOutcome[];
    readonly keep: (outcomes: readonly PolicyRunOutcome[]) => Promise<void>;
    readonly report: (run: PolicyRun, corruption: string) => void;
  }) {
    this.#task = options.task;
    this.#drifts = options.drifts;
    this.#keep = options.keep;
    this.#report = options.report;
    for (const outcome of options.known) this.#add(outcome);
  }

  async run(run: PolicyRun): Promise<BookedRun> {
    const booked = this.#booked(run.key);
    const missing = this.#drifts.filter(({ corruption }) => !booked.has(corruption));
    for (const drift of missing) {
      if (isOver(booked)) break;
      this.#task.signal.throwIfAborted();
      this.#add(await runPolicy(run, drift, this.#task));
      this.#report(run, drift.corruption);
      await this.#keep(this.all());
    }
    if (isOver(booked)) return { outcomes: [], peakBytes: undefined };
    const peaks = [...booked.values()].flatMap(({ peakBytes }) => (peakBytes === undefined ? [] : [peakBytes]));
    return {
      outcomes: this.#drifts.map(({ corruption }) => booked.get(corruption) as PolicyRunOutcome),
      peakBytes: Math.max(...peaks),
    };
  }

  all(): readonly PolicyRunOutcome[] {
    return [...this.#outcomes.values()].flatMap((booked) => [...booked.values()]);
  }

  #booked(key: string): Map<string, PolicyRunOutcome> {
    const booked = this.#outcomes.get(key) ?? new Map<string, PolicyRunOutcome>();
    this.#outcomes.set(key, booked);
    return booked;
  }

  #add(outcome: PolicyRunOutcome): void {
    this.#booked(outcome.key).set(outcome.corruption, outcome);
  }
}

function isOver(booked: ReadonlyMap<string, PolicyRunOutcome>): boolean {
  return [...booked.values()].some(({ isOverCap }) => isOverCap);
}
