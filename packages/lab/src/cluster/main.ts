/**
 * Runs a fleet over three nats-servers with two coordinators, kills and stops one server or one coordinator after the
 * other as a seed draws, and checks whether anything acknowledged was lost, or answered as no single store would.
 *
 * A seed fixes what goes wrong, in which order and for how long; where that hits a call is up to the machine.
 */
import { interrupted, print, readOptions, wholeNumber } from "../read-options.ts";
import { runCluster } from "./run-cluster.ts";
import { faultTable, spreadOf } from "./timeline.ts";

const USAGE = "usage: npm run test:cluster -- [--agents N] [--minutes M] [--seed SEED]";
const values = readOptions(USAGE, {
  agents: { type: "string", default: "200" },
  minutes: { type: "string", default: "5" },
  seed: { type: "string", default: String((Date.now() % 1_000_000) + 1) },
});
const agents = wholeNumber(USAGE, "--agents", values.agents);
const minutes = wholeNumber(USAGE, "--minutes", values.minutes);
const seed = wholeNumber(USAGE, "--seed", values.seed);

print(`seed ${seed}, ${agents} agents, ${minutes} minutes`);
const report = await runCluster({
  ...{ agents, seed, maxMs: minutes * 60_000, signal: interrupted() },
  onProgress: (line) => print(`${new Date().toISOString().slice(11, 19)} ${line}`),
});
const { pushes, faults, anomalies, ...figures } = report;
print(JSON.stringify(figures, undefined, 2));
for (const line of faultTable(faults)) print(line);
print(`no fault: ${spreadOf(pushes.quietMs)}`);
print(`around faults: ${spreadOf(pushes.troubledMs)}`);
for (const anomaly of anomalies) print(`ANOMALY: ${anomaly}`);
print(`${faults.length} faults, ${report.lost} acknowledged reports lost, ${anomalies.length} anomalies`);
if (anomalies.length > 0 || faults.length === 0) {
  print(
    `SOMETHING DID NOT HOLD; again: npm run test:cluster -- --seed ${seed} --agents ${agents} --minutes ${minutes}`,
  );
  process.exitCode = 1;
}
