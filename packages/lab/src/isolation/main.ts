/**
 * Holds the example program under load against jobs that take more memory than they may: how often one of its processes
 * was killed, and how slow its slowest requests get meanwhile. With a last part where the system's own memory killer has
 * to choose, in a memory control group, where one can be made.
 */
import { given } from "@mpo/core";
import { interrupted, print, readOptions, wholeNumber } from "../read-options.ts";
import { measureIsolation } from "./measure-isolation.ts";
import { measureKiller } from "./measure-killer.ts";

const USAGE =
  "usage: npm run test:isolation -- [--tries N] [--killer-tries N] [--alone-ms MS] [--cpu-share leftover|equal] [--json]";
const values = readOptions(USAGE, {
  tries: { type: "string", default: "100" },
  "killer-tries": { type: "string", default: "10" },
  "alone-ms": { type: "string", default: "2500" },
  "cpu-share": { type: "string", default: "leftover" },
  json: { type: "boolean", default: false },
});

const signal = interrupted();
const capped = await measureIsolation({
  tries: wholeNumber(USAGE, "--tries", values.tries),
  kinds: ["pool", "outside"],
  aloneMs: wholeNumber(USAGE, "--alone-ms", values["alone-ms"]),
  cpuShare: values["cpu-share"] === "equal" ? "equal" : "leftover",
  signal,
  onTry: (done, code) => process.stderr.write(`try ${done}: ${code}\n`),
});
const killerTries = Number(values["killer-tries"]);
const killer = killerTries > 0 && !signal.aborted ? await measureKiller(killerTries) : undefined;
if (values.json) {
  print(JSON.stringify({ capped, ...given({ killer }) }));
} else {
  const { alone, beside } = capped;
  const ends = Object.entries(capped.ends).map(([code, count]) => `${count} ${code}`);
  print(`${capped.tries} jobs over their cap: ${ends.join(", ")}; ${capped.deaths} processes of the program ended`);
  print(`alone:  ${alone.requests} requests, p50 ${alone.p50Ms.toFixed(2)} ms, p99 ${alone.p99Ms.toFixed(2)} ms`);
  print(`beside: ${beside.requests} requests, p50 ${beside.p50Ms.toFixed(2)} ms, p99 ${beside.p99Ms.toFixed(2)} ms`);
  print(`p99 beside jobs / alone: ${capped.p99Ratio.toFixed(3)}`);
  if (killer === "no-group") print("no memory control group can be made here: the memory killer was not tried");
  else if (killer !== undefined) {
    print(
      `memory killer: ${killer.kills} kills in ${killer.tries} jobs without a cap, ${killer.deaths} of the program`,
    );
  }
}
if (capped.deaths > 0 || (typeof killer === "object" && killer.deaths > 0)) process.exitCode = 1;
