import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { median, quantile } from "@mpo/core";
import { deployModel, type HogKind, runHog } from "./hog-jobs.ts";
import { ServedApp } from "./served-app.ts";

const P99 = 0.99;

export interface IsolationOptions {
  readonly tries: number;
  /** Taken in turn. */
  readonly kinds: readonly HogKind[];
  /** How long the example program is alone before each try. */
  readonly aloneMs: number;
  readonly cpuShare: "leftover" | "equal";
  /** Ends the run after the try that is under way; what was seen until then is reported. */
  readonly signal?: AbortSignal;
  readonly onTry?: (done: number, code: string) => void;
}

/** Times of requests, milliseconds. */
export interface Latency {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface IsolationResult {
  readonly tries: number;
  /** Processes of the example program that ended. */
  readonly deaths: number;
  /** How the tries ended, by code of the error, and how often. */
  readonly ends: Readonly<Record<string, number>>;
  readonly alone: Latency;
  /** While a job ran, from its start to its end. */
  readonly beside: Latency;
  /** `beside` over `alone`, at the 99th percentile. */
  readonly p99Ratio: number;
  readonly appResidentBytes: number;
}

/** Lets the example program serve under load, alone and beside jobs that take too much memory, in turn. */
export async function measureIsolation(options: IsolationOptions): Promise<IsolationResult> {
  const { kinds, aloneMs, cpuShare, onTry, signal } = options;
  // Jobs start as in the product, from what is built: without the loader that runs this.
  process.execArgv.splice(0);
  const folder = await mkdtemp(join(tmpdir(), "mpo-isolation-"));
  try {
    await deployModel(folder);
    await using app = new ServedApp(folder);
    await app.start();
    await sleep(aloneMs);
    app.takeLatenciesMs();
    const alone: number[] = [];
    const beside: number[] = [];
    const ends: Record<string, number> = {};
    let tries = 0;
    for (; tries < options.tries && signal?.aborted !== true; tries++) {
      await sleep(aloneMs);
      alone.push(...app.takeLatenciesMs());
      const code = await runHog(kinds[tries % kinds.length] as HogKind, folder, cpuShare);
      beside.push(...app.takeLatenciesMs());
      ends[code] = (ends[code] ?? 0) + 1;
      onTry?.(tries + 1, code);
      await app.start();
    }
    const latency = { alone: latencyOf(alone), beside: latencyOf(beside) };
    const p99Ratio = latency.beside.p99Ms / latency.alone.p99Ms;
    const appResidentBytes = await app.residentBytes();
    return { tries, deaths: app.deaths, ends, ...latency, p99Ratio, appResidentBytes };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function latencyOf(times: readonly number[]): Latency {
  return { requests: times.length, p50Ms: median(times), p99Ms: quantile(times, P99) };
}
