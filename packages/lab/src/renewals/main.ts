/**
 * Runs a fleet whose certificates end after a minute, and looks whether any call fails or any push gets lost while they are
 * renewed again and again.
 */
import { interrupted, print, readOptions, wholeNumber } from "../read-options.ts";
import { runRenewals } from "./run-renewals.ts";

const USAGE = "usage: npm run test:renewals -- [--minutes M] [--valid-seconds S]";
const values = readOptions(USAGE, {
  minutes: { type: "string", default: "60" },
  "valid-seconds": { type: "string", default: "60" },
});
const minutes = wholeNumber(USAGE, "--minutes", values.minutes);
const validSeconds = wholeNumber(USAGE, "--valid-seconds", values["valid-seconds"]);
const [maxMs, certificateValidMs] = [minutes * 60_000, validSeconds * 1_000];

print(`${minutes} minutes, certificates of ${validSeconds} s`);
const report = await runRenewals({ maxMs, certificateValidMs, onProgress: print, signal: interrupted() });
print(JSON.stringify(report, undefined, 2));
const failures = Object.values(report.failed).reduce((sum, one) => sum + one, 0);
// At least one in each lifetime.
const isRenewed = report.renewals.every((one) => one >= Math.floor(maxMs / certificateValidMs));
print(`${failures} calls failed, ${report.missed} pushes missed, ${report.renewals.join(" + ")} renewals`);
if (failures > 0 || report.missed > 0 || !isRenewed) {
  print("SOMETHING DID NOT HOLD");
  process.exitCode = 1;
}
