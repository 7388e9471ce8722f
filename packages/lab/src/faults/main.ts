/**
 * Kills processes of a real fleet (two coordinators, a nats-server, agents, their workers) with kill -9 at moments that
 * a seed draws, and checks whether anything acknowledged was lost, doubled, or delivered to the wrong place.
 *
 * A seed fixes who is killed, in which order, after which pauses; where that hits a process is up to the machine.
 */
import { interrupted, print, readOptions, wholeNumber } from "../read-options.ts";
import { faultTable } from "./fault-run.ts";
import { killCount, runKills } from "./kill-run.ts";

const USAGE = "usage: npm run test:faults -- [--cycles N] [--seed SEED] [--minutes M]";
const values = readOptions(USAGE, {
  cycles: { type: "string", default: "200" },
  seed: { type: "string", default: String((Date.now() % 1_000_000) + 1) },
  minutes: { type: "string", default: "10" },
});
const cycles = wholeNumber(USAGE, "--cycles", values.cycles);
const seed = wholeNumber(USAGE, "--seed", values.seed);
const minutes = wholeNumber(USAGE, "--minutes", values.minutes);

print(`seed ${seed}, ${cycles} kills, at most ${minutes} minutes`);
const report = await runKills({ seed, cycles, maxMs: minutes * 60_000, onProgress: print, signal: interrupted() });
print(JSON.stringify(report, undefined, 2));
for (const line of faultTable(report.faults)) print(line);
const killed = killCount(report);
if (report.problems.length > 0 || killed < cycles) {
  print(
    report.problems.length > 0 ? "SOMETHING DID NOT HOLD" : `only ${killed} of ${cycles} kills within ${minutes} min`,
  );
  print(`again: npm run test:faults -- --seed ${seed} --cycles ${cycles}`);
  process.exitCode = 1;
} else print(`${killed} kills, nothing lost, nothing twice`);
