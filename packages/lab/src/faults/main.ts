/**
 * Kills processes of a real fleet (two coordinators, a nats-server, agents, their workers) with kill -9 at moments that
 * a seed draws, and checks whether anything acknowledged was lost, doubled, or delivered to the wrong place.
 *
 * A seed fixes who is killed, in which order, after which pauses; where that hits a process is up to the machine.
 */
import { quantile } from "@mpo/core";
import { interrupted, print, readOptions, wholeNumber } from "../read-options.ts";
import { faultTable } from "./fault-run.ts";
import { killCount, runKills } from "./kill-run.ts";
import { type RolloutKillReport, runRolloutKills } from "./rollout-kills.ts";

const USAGE = `usage: npm run test:faults -- [--cycles N] [--seed SEED] [--minutes M]
       npm run test:faults -- --rollouts [--agents N] [--cycles N] [--seed SEED] [--minutes M]
       --rollouts: rollouts over simulated agents, while one of two coordinators is killed again and again`;
const values = readOptions(USAGE, {
  cycles: { type: "string" },
  rollouts: { type: "boolean", default: false },
  agents: { type: "string", default: "100" },
  seed: { type: "string", default: String((Date.now() % 1_000_000) + 1) },
  minutes: { type: "string", default: "10" },
});
const cycles = wholeNumber(USAGE, "--cycles", values.cycles ?? (values.rollouts ? "50" : "200"));
const seed = wholeNumber(USAGE, "--seed", values.seed);
const minutes = wholeNumber(USAGE, "--minutes", values.minutes);

print(`seed ${seed}, ${cycles} kills, at most ${minutes} minutes`);
const common = { seed, maxMs: minutes * 60_000, onProgress: print, signal: interrupted() };
if (values.rollouts) {
  const agents = wholeNumber(USAGE, "--agents", values.agents);
  const report = await runRolloutKills({ ...common, kills: cycles, agents });
  print(JSON.stringify(report, undefined, 2));
  for (const line of goesOnLines(report)) print(line);
  end(report.problems, report.kills, `--rollouts --agents ${agents} `);
} else {
  const report = await runKills({ ...common, cycles });
  print(JSON.stringify(report, undefined, 2));
  for (const line of faultTable(report.faults)) print(line);
  end(report.problems, killCount(report), "");
}

function end(problems: readonly string[], killed: number, options: string): void {
  if (problems.length === 0 && killed >= cycles) {
    print(`${killed} kills, nothing lost, nothing twice`);
    return;
  }
  print(problems.length > 0 ? "SOMETHING DID NOT HOLD" : `only ${killed} of ${cycles} kills within ${minutes} min`);
  print(`again: npm run test:faults -- ${options}--seed ${seed} --cycles ${cycles}`);
  process.exitCode = 1;
}

/** How long a rollout stood still after kills. */
function goesOnLines({ leaderMs, otherMs, ends, pushed }: RolloutKillReport): readonly string[] {
  const line = (who: string, all: readonly number[]): string => {
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
    if (all.length === 0) return `${who}: never killed`;
    return `${who}, killed ${all.length} times: went on after ${seconds(quantile(all, 0.5))} (median), ${seconds(Math.max(...all))} (most)`;
  };
  const words = Object.entries(ends).map(([phase, count]) => `${count} ${phase}`);
  return [line("who led", leaderMs), line("the other", otherMs), `rollouts: ${words.join(", ")}; ${pushed} pushes`];
}
