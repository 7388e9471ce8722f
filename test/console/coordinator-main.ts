import { type CoordinatorPlan, runHere } from "./running-coordinator.ts";

/** A coordinator alone in its process; it says its addresses in a line, and runs until it is killed. */
const plan = JSON.parse(process.argv[2] ?? "") as CoordinatorPlan;
const { addresses, ended } = await runHere(plan, { signal: new AbortController().signal });
process.stdout.write(`${JSON.stringify(addresses)}\n`);
process.exitCode = await ended;
