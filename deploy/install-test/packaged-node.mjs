/**
 * The checks and tests of the repository with the Node that the packages bring, which is a later one than a checkout may
 * have: what only that one refuses is otherwise first seen on an installed board.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { MACHINES } from "../release/facts.mjs";
import { ensureNodeProgram } from "../release/node-program.mjs";
import { SetupFailure } from "../setup/say.mjs";
import { runScript } from "../setup/script.mjs";

const USAGE = `usage: npm run test:node -- [PART-OF-A-FILE-NAME]...

Runs the tests with the Node that the packages bring: those with these parts in their file's name, or all.

  --help  print this`;

await runScript({ name: "node", usage: USAGE, options: {}, takesNames: true }, async (context, _, names) => {
  const { root, env, say, signal } = context;
  const machine = Object.values(MACHINES).find(({ node }) => node === process.arch);
  if (machine === undefined) throw new SetupFailure(`there are no packages for ${process.arch}.`, "use x64 or arm64.");
  const node = join(await ensureNodeProgram(context, machine), "bin/node");
  say.work(`testing with ${node}`);
  const child = spawn(node, [join(root, "deploy/test.mjs"), ...names], { cwd: root, env, stdio: "inherit", signal });
  const [code] = await once(child, "close");
  if (code !== 0) throw new SetupFailure("some did not pass.", "see above.");
});
