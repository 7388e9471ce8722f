/**
 * Runs many seeds of the simulation, spread over processes, and reports which failed.
 */
import { availableParallelism } from "node:os";
import { CalledProcess, serveCalls } from "@mpo/io";
import { print, readOptions, wholeNumber } from "../read-options.ts";
import { type SimulationResult, simulate } from "./simulate.ts";

interface SimulationCalls {
  readonly simulate: { readonly request: number; readonly answer: SimulationResult };
}

const USAGE = `usage: npm run test:simulation -- [--seeds N] [--from SEED] [--processes N]
       npm run test:simulation -- --seed SEED      (replays one, twice, and compares)`;
const values = readOptions(USAGE, {
  seeds: { type: "string", default: "1000" },
  from: { type: "string", default: "1" },
  processes: { type: "string", default: String(Math.min(8, availableParallelism())) },
  seed: { type: "string" },
  worker: { type: "boolean", default: false },
});

if (values.worker) work();
else if (values.seed !== undefined) await replay(wholeNumber(USAGE, "--seed", values.seed));
else await runAll();

/** A process that simulates the seeds that it is asked for. */
function work(): void {
  // Faults are errors by the thousand; where they came from is asked when a seed is replayed.
  Error.stackTraceLimit = 0;
  serveCalls<SimulationCalls>({ simulate });
}

async function replay(seed: number): Promise<void> {
  const first = await simulate(seed);
  const second = await simulate(seed);
  print(JSON.stringify(first, undefined, 2));
  const isSame = first.traceHash === second.traceHash;
  print(isSame ? "the second run was the same" : "THE SECOND RUN WAS ANOTHER: something is not deterministic");
  if (first.problems.length > 0 || !isSame) process.exitCode = 1;
}

async function runAll(): Promise<void> {
  const [count, from] = [wholeNumber(USAGE, "--seeds", values.seeds), wholeNumber(USAGE, "--from", values.from)];
  const beganMs = performance.now();
  const seeds = Array.from({ length: count }, (_, index) => from + index).values();
  const results: SimulationResult[] = [];
  const lanes = Array.from({ length: wholeNumber(USAGE, "--processes", values.processes) }, () => lane(seeds, results));
  await Promise.all(lanes);
  const bad = results.filter(({ problems }) => problems.length > 0);
  for (const { seed, problems } of bad) print(`seed ${seed}: ${problems.join("; ")}`);
  const virtualHours = results.reduce((sum, { virtualMs }) => sum + virtualMs, 0) / 3_600_000;
  const seconds = (performance.now() - beganMs) / 1000;
  print(
    `${results.length} seeds, ${bad.length} failed, ${virtualHours.toFixed(0)} virtual hours in ${seconds.toFixed(0)} s`,
  );
  if (bad.length > 0) print(`replay: npm run test:simulation -- --seed ${bad[0]?.seed}`);
  if (bad.length > 0 || results.length < count) process.exitCode = 1;
}

/** One process that takes seed after seed. */
async function lane(seeds: Iterable<number>, results: SimulationResult[]): Promise<void> {
  const options = { name: "simulation", entry: import.meta.filename, args: ["--worker"], graceMs: 0 };
  await using worker = new CalledProcess<SimulationCalls>(options);
  for (const seed of seeds) {
    const result = await worker.call("simulate", seed).catch((thrown: unknown): SimulationResult => {
      return { seed, problems: [String(thrown)], traceHash: "", events: 0, virtualMs: 0 };
    });
    results.push(result);
    if (results.length % 50 === 0) print(`${results.length} seeds`);
  }
}
