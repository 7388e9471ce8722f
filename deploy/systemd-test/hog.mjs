/** In a unit whose control group is left to its user: a job that takes ever more memory, in a group of its own. */
import { spawn } from "node:child_process";
import { pathToFileURL } from "node:url";

const MIB = 2 ** 20;
const LIMIT_MIB = 128;
const STEP_MIB = 4;
const GROUPS = "/usr/lib/mpo/app/node_modules/@mpo/agent/dist/system/job-groups.js";
const { findJobGroups, joinGroup } = await import(pathToFileURL(GROUPS).href);

if (process.argv[2] !== undefined) {
  joinGroup(process.argv[2]);
  const held = [];
  for (let mebibytes = STEP_MIB; mebibytes < 10 * LIMIT_MIB; mebibytes += STEP_MIB) {
    held.push(Buffer.alloc(STEP_MIB * MIB, 1));
    process.send?.(mebibytes);
    await new Promise((wake) => setTimeout(wake, 5));
  }
  process.exit(0);
}
const found = await findJobGroups();
if ("why" in found) throw new Error(found.why);
const group = await found.groups.make({ limitBytes: LIMIT_MIB * MIB, isBehind: true });
let heldMiB = 0;
const child = spawn(process.execPath, [process.argv[1] ?? "", group.joinFile], {
  stdio: ["ignore", "ignore", "inherit", "ipc"],
});
child.on("message", (mebibytes) => {
  heldMiB = Number(mebibytes);
});
const signal = await new Promise((resolve) => child.once("exit", (_, name) => resolve(name)));
const wasKilled = signal === "SIGKILL" && (await group.wasKilled());
await group[Symbol.asyncDispose]();
process.stdout.write(`${JSON.stringify({ wasKilled, heldMiB })}\n`);
