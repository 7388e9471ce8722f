/** The programs that a release is built with, and one way to run each. */
import { findProgram, lastLines, runChild } from "../setup/child.mjs";
import { SetupFailure } from "../setup/say.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */

/**
 * Runs a program to its end.
 * @param {SetupContext} context
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<string>} its standard output
 * @throws {SetupFailure} when it fails
 */
export async function runTool({ env, signal }, command, args, { cwd, env: more = {} } = {}) {
  const { code, stdout, stderr } = await runChild(command, args, { env: { ...env, ...more }, cwd, signal });
  if (code === 0) return stdout;
  throw new SetupFailure(
    `${command} ${args.slice(0, 4).join(" ")} ended with ${code}:\n${lastLines(`${stdout}\n${stderr}`)}`,
    "see what it says above, then run the command again.",
  );
}

/**
 * Makes sure that programs of Debian's packages are there: root gets what is missing, others hear what to install.
 * @param {SetupContext} context
 * @param {Readonly<Record<string, string>>} packages by the program that is looked for
 */
export async function requireTools(context, packages) {
  const missing = [];
  for (const [program, name] of Object.entries(packages)) {
    if ((await findProgram(program, context.env)) === undefined) missing.push(name);
  }
  if (missing.length === 0) return;
  const names = [...new Set(missing)].sort();
  const apt = await findProgram("apt-get", context.env);
  if (process.getuid?.() !== 0 || apt === undefined) {
    throw new SetupFailure(
      `a release is built with programs that are not here: ${names.join(", ")}.`,
      `on Debian 12 or newer: \`sudo apt-get install --no-install-recommends ${names.join(" ")}\`.`,
    );
  }
  context.say.work(`installing ${names.join(", ")} with apt-get`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const install = ["install", "--yes", "--no-install-recommends", ...names];
  await runTool(context, apt, install, { env }).catch(async () => {
    await runTool(context, apt, ["update"], { env });
    await runTool(context, apt, install, { env });
  });
}
