/**
 * Runs a fleet over three nats-servers with two coordinators, lets one server, coordinator, link or disk after the other
 * fail as a seed draws, and checks whether anything acknowledged was lost, or answered as no single store would.
 *
 * A seed fixes what goes wrong, in which order and for how long; where that hits a call is up to the machine.
 */
import { MpoError } from "@mpo/core";
import { interrupted, print, readOptions, wholeNumber } from "../read-options.ts";
import { FAULT_GROUPS, type FaultGroup } from "./cluster-faults.ts";
import { possibleGroups } from "./possible-faults.ts";
import { runCluster } from "./run-cluster.ts";
import { faultTable, spreadOf } from "./timeline.ts";

const USAGE =
  "usage: npm run test:cluster -- [--agents N] [--minutes M] [--seed SEED] [--faults GROUP]... [--keep-stores]";
const GROUPS = Object.keys(FAULT_GROUPS) as FaultGroup[];
const values = readOptions(USAGE, {
  agents: { type: "string", default: "200" },
  minutes: { type: "string", default: "5" },
  faults: { type: "string", multiple: true, default: GROUPS },
  "keep-stores": { type: "boolean", default: false },
  seed: { type: "string", default: String((Date.now() % 1_000_000) + 1) },
});
const agents = wholeNumber(USAGE, "--agents", values.agents);
const minutes = wholeNumber(USAGE, "--minutes", values.minutes);
const seed = wholeNumber(USAGE, "--seed", values.seed);

const wanted = GROUPS.filter((group) => values.faults.includes(group));
if (values.faults.some((group) => !Object.hasOwn(FAULT_GROUPS, group)) || wanted.length === 0)
  throw new MpoError("invalid-argument", `--faults is one of: ${GROUPS.join(", ")}`);
const { groups, why } = await possibleGroups(wanted);
print(`seed ${seed}, ${agents} agents, ${minutes} minutes; faults of ${groups.join(", ")}`);
for (const reason of why) print(reason);
const report = await runCluster({
  ...{ agents, seed, groups, keepsStores: values["keep-stores"], maxMs: minutes * 60_000, signal: interrupted() },
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
  const chosen = [...groups.map((group) => `--faults "${group}"`), ...(values["keep-stores"] ? ["--keep-stores"] : [])];
  const again = `--seed ${seed} --agents ${agents} --minutes ${minutes} ${chosen.join(" ")}`;
  print(`SOMETHING DID NOT HOLD; again: npm run test:cluster -- ${again}`);
  process.exitCode = 1;
}
