import { quantile, SECOND_MS } from "@mpo/core";
import { systemClock } from "@mpo/io";
import type { ClusterCoordinator } from "./cluster-fleet.ts";
import { identityOf } from "./cluster-history.ts";
import type { AnsweredPush } from "./document-load.ts";

/** One fault; milliseconds of the monotonic clock, and of durations. */
export interface FaultSpan {
  readonly name: string;
  readonly beganMs: number;
  endingMs: number;
  /** When who it was done to ran again. */
  endedMs: number;
  /** When every agent had been answered since. */
  recoveredMs: number;
  /** Until every agent had been answered while it lasted; undefined: it was over before. */
  servedMs: number | undefined;
  /** The longest time in which no operator's write was acknowledged. */
  noWriteMs: number;
  /** The same of all who write to the store themselves. */
  noStoreMs: number;
  /** The same of answers of one coordinator, of those that are asked all the time. */
  silentMs: readonly number[];
}

const ASK_EVERY_MS = 300;
const ASK_TIMEOUT_MS = 1_000;
const P99 = 0.99;

/** When faults happened, and what went on meanwhile. */
export class Timeline {
  readonly #faults: FaultSpan[] = [];
  readonly #writtenMs: number[] = [];
  readonly #storedMs: number[] = [];
  readonly #answeredMs: number[][] = [];
  readonly #pushes: AnsweredPush[] = [];

  get faults(): readonly FaultSpan[] {
    return this.#faults;
  }

  /** Acknowledged. */
  get writes(): number {
    return this.#writtenMs.length + this.#storedMs.length;
  }

  /** To an operator. */
  written(atMs: number): void {
    this.#writtenMs.push(atMs);
  }

  /** To who writes to the store itself. */
  stored(atMs: number): void {
    this.#storedMs.push(atMs);
  }

  pushed(push: AnsweredPush): void {
    this.written(push.answeredMs);
    this.#pushes.push(push);
  }

  /** Asks a coordinator for something that is stored, again and again, until the signal aborts. */
  async follow({ admin }: ClusterCoordinator, signal: AbortSignal): Promise<void> {
    const answered: number[] = [];
    this.#answeredMs.push(answered);
    while (!signal.aborted) {
      const asking = admin.getConfig({ identity: identityOf(0) }, { signal, deadlineMs: ASK_TIMEOUT_MS, retries: 0 });
      await asking.then(
        () => answered.push(systemClock.monotonicMs()),
        () => undefined,
      );
      await systemClock.sleep(ASK_EVERY_MS, { signal }).catch(() => undefined);
    }
  }

  begin(name: string): FaultSpan {
    const beganMs = systemClock.monotonicMs();
    const none = { endingMs: 0, endedMs: 0, recoveredMs: 0, servedMs: undefined };
    const span: FaultSpan = { name, beganMs, ...none, noWriteMs: 0, noStoreMs: 0, silentMs: [] };
    this.#faults.push(span);
    return span;
  }

  /** Every agent has been answered since it began. */
  served(span: FaultSpan): void {
    span.servedMs = systemClock.monotonicMs() - span.beganMs;
  }

  ending(span: FaultSpan): void {
    span.endingMs = systemClock.monotonicMs();
  }

  ended(span: FaultSpan): void {
    span.endedMs = systemClock.monotonicMs();
  }

  recovered(span: FaultSpan): void {
    span.recoveredMs = systemClock.monotonicMs();
    span.noWriteMs = longestGap(this.#writtenMs, span);
    span.noStoreMs = longestGap(this.#storedMs, span);
    span.silentMs = this.#answeredMs.map((answered) => longestGap(answered, span));
  }

  lineOf(span: FaultSpan): string {
    const { name, beganMs, endingMs, endedMs, recoveredMs, servedMs, noWriteMs, silentMs } = span;
    const [lasted, toRun, toRecover] = [endingMs - beganMs, endedMs - endingMs, recoveredMs - endedMs].map(seconds);
    return [
      `${name} for ${lasted}: no write for ${seconds(noWriteMs)}`,
      `all agents served ${servedMs === undefined ? "only later" : `after ${seconds(servedMs)}`}`,
      `coordinators silent for ${silentMs.map(seconds).join(" and ")}`,
      `runs again after ${toRun}, all agents back ${toRecover} later`,
    ].join(", ");
  }

  /** From the making of a document to the device's saying that it runs by it: where no fault was, and around faults. */
  pushLatencies(appliedAtMs: (device: number, version: number) => number | undefined): {
    readonly quietMs: readonly number[];
    readonly troubledMs: readonly number[];
  } {
    const all = this.#pushes.flatMap(({ device, version, issuedAtMs, madeMs, answeredMs }) => {
      const atMs = appliedAtMs(device, version);
      // Overtaken by a newer one.
      if (atMs === undefined) return [];
      const tookMs = Math.max(0, atMs - issuedAtMs);
      const isTroubled = this.#faults.some(
        ({ beganMs, recoveredMs }) => madeMs < recoveredMs && answeredMs + tookMs > beganMs,
      );
      return [{ tookMs, isTroubled }];
    });
    const of = (isWanted: boolean): readonly number[] =>
      all.filter(({ isTroubled }) => isTroubled === isWanted).map(({ tookMs }) => tookMs);
    return { quietMs: of(false), troubledMs: of(true) };
  }
}

/** A row for each kind of fault: how often, and the most of each time. */
export function faultTable(faults: readonly FaultSpan[]): readonly string[] {
  const names = [...new Set(faults.map(({ name }) => name))];
  const head = ["fault", "times", "no write", "no store", "silent", "served", "runs again", "agents back"];
  const most = (of: readonly FaultSpan[], figure: (span: FaultSpan) => number): string =>
    seconds(Math.max(...of.map(figure)));
  const rows = names.map((name) => {
    const of = faults.filter((span) => span.name === name && span.recoveredMs > 0);
    return [
      ...[name, String(of.length), most(of, ({ noWriteMs }) => noWriteMs)],
      most(of, ({ noStoreMs }) => noStoreMs),
      most(of, ({ silentMs }) => Math.max(...silentMs)),
      // Until it was over, where not before.
      most(of, ({ servedMs, beganMs, recoveredMs }) => servedMs ?? recoveredMs - beganMs),
      most(of, ({ endingMs, endedMs }) => endedMs - endingMs),
      most(of, ({ endedMs, recoveredMs }) => recoveredMs - endedMs),
    ];
  });
  return [head, ...rows].map(([name = "", ...cells]) =>
    [name.padEnd(44), ...cells.map((one) => one.padStart(11))].join(" "),
  );
}

/** "p50 / p99 / most" in milliseconds. */
export function spreadOf(values: readonly number[]): string {
  const [p50, p99, most] = [0.5, P99, 1].map((share) => quantile(values, share).toFixed(0));
  return `${values.length} pushes: median ${p50} ms, 99th percentile ${p99} ms, most ${most} ms`;
}

/** The longest time within a fault and its end in which nothing came; of times in order. */
function longestGap(times: readonly number[], { beganMs, recoveredMs }: FaultSpan): number {
  const within = times.filter((one) => one > beganMs && one < recoveredMs);
  const edges = [beganMs, ...within.toSorted((one, other) => one - other), recoveredMs];
  return Math.max(...edges.slice(1).map((one, index) => one - (edges[index] as number)));
}

function seconds(ms: number): string {
  return `${(ms / SECOND_MS).toFixed(1)} s`;
}
