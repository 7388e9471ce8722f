/**
 * Runs many seeds of the simulation, spread over processes, and reports which failed.
 */
import { availableParallelism } from "node:os";
import { CalledProcess, serveCalls } from "@mpo/io";
import { print, readOptions, wholeNumber } from "../read-options.ts";
import { rolloutLines } from "./rollout-lines.ts";
import { type SimulationResult, simulate } from "./simulate.ts";
import { type RolloutResult, type RolloutSimulation, simulateRollout } from "./simulate-rollout.ts";

type Result = SimulationResult & Partial<RolloutResult>;

interface SimulationCalls {
  readonly simulate: { readonly request: number; readonly answer: Result };
  readonly rollout: { readonly request: RolloutSimulation; readonly answer: Result };
}

const USAGE = `usage: npm run test:simulation -- [--rollouts [--devices N] [--calm]] [--seeds N] [--from SEED] [--processes N]
       npm run test:simulation -- [--rollouts ...] --seed SEED      (replays one, twice, and compares)
       --rollouts: a rollout in each seed, over light devices, instead of the product's agents in a storm`;
const values = readOptions(USAGE, {
  seeds: { type: "string", default: "1000" },
  from: { type: "string", default: "1" },
  processes: { type: "string", default: String(Math.min(8, availableParallelism())) },
  seed: { type: "string" },
  rollouts: { type: "boolean", default: false },
  devices: { type: "string" },
  calm: { type: "boolean", default: false },
  worker: { type: "boolean", default: false },
});

if (values.worker) work();
else if (values.seed !== undefined) await replay(wholeNumber(USAGE, "--seed", values.seed));
else await runAll();

/** A process that simulates the seeds that it is asked for. */
function work(): void {
  // Faults are errors by the thousand; where they came from is asked when a seed is replayed.
  Error.stackTraceLimit = 0;
  serveCalls<SimulationCalls>({ simulate, rollout: simulateRollout });
}

/** The rollout of a seed, as the options have it. */
function rolloutOf(seed: number): RolloutSimulation {
  const { devices, calm } = values;
  const count = devices === undefined ? {} : { devices: wholeNumber(USAGE, "--devices", devices) };
  return { seed, ...count, ...(calm ? { isCalm: true } : {}) };
}

async function simulated(seed: number): Promise<Result> {
  return values.rollouts ? await simulateRollout(rolloutOf(seed)) : await simulate(seed);
}

async function replay(seed: number): Promise<void> {
  const first = await simulated(seed);
  const second = await simulated(seed);
  print(JSON.stringify(first, undefined, 2));
  const isSame = first.traceHash === second.traceHash;
  print(isSame ? "the second run was the same" : "THE SECOND RUN WAS ANOTHER: something is not deterministic");
  if (first.problems.length > 0 || !isSame) process.exitCode = 1;
}

async function runAll(): Promise<void> {
  const [count, from] = [wholeNumber(USAGE, "--seeds", values.seeds), wholeNumber(USAGE, "--from", values.from)];
  const beganMs = performance.now();
  const seeds = Array.from({ length: count }, (_, index) => from + index).values();
  const results: Result[] = [];
  const lanes = Array.from({ length: wholeNumber(USAGE, "--processes", values.processes) }, () => lane(seeds, results));
  await Promise.all(lanes);
  const bad = results.filter(({ problems }) => problems.length > 0);
  for (const { seed, problems } of bad) print(`seed ${seed}: ${problems.join("; ")}`);
  const virtualHours = results.reduce((sum, { virtualMs }) => sum + virtualMs, 0) / 3_600_000;
  const seconds = (performance.now() - beganMs) / 1000;
  print(
    `${results.length} seeds, ${bad.length} failed, ${virtualHours.toFixed(0)} virtual hours in ${seconds.toFixed(0)} s`,
  );
  for (const line of rolloutLines(results)) print(line);
  if (bad.length > 0)
    print(`replay: npm run test:simulation -- ${values.rollouts ? "--rollouts " : ""}--seed ${bad[0]?.seed}`);
  if (bad.length > 0 || results.length < count) process.exitCode = 1;
}

/** One process that takes seed after seed. */
async function lane(seeds: Iterable<number>, results: Result[]): Promise<void> {
  const options = { name: "simulation", entry: import.meta.filename, args: ["--worker"], graceMs: 0 };
  await using worker = new CalledProcess<SimulationCalls>(options);
  for (const seed of seeds) {
    const call = values.rollouts ? worker.call("rollout", rolloutOf(seed)) : worker.call("simulate", seed);
    const result = await call.catch((thrown: unknown): Result => {
      return { seed, problems: [String(thrown)], traceHash: "", events: 0, virtualMs: 0 };
    });
    results.push(result);
    if (results.length % 50 === 0) print(`${results.length} seeds`);
  }
}
