/** The four Debian packages of one machine: which files each holds, and where. */
import { copyFile, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ensureNatsServerFor } from "../setup/nats-server.mjs";
import { COMMAND, writeAppTree } from "./app-tree.mjs";
import { buildDebianPackage } from "./debian-package.mjs";
import { writeEngineTree } from "./engine-tree.mjs";
import { ensureNodeProgram } from "./node-program.mjs";
import { copyTree } from "./trees.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {import("./facts.mjs").Machine} Machine */
/** @typedef {import("./facts.mjs").ReleaseFacts} ReleaseFacts */

const PROGRAM = "usr/lib/mpo";
const UNITS = "lib/systemd/system";

/** @type {Readonly<Record<string, (context: SetupContext, facts: ReleaseFacts, machine: Machine, tree: string) => Promise<void>>>} */
const CONTENTS = {
  mpo: async (context, facts, machine, tree) => {
    const interpreter = `/${PROGRAM}/node/bin/node`;
    await writeAppTree(context, facts, [machine], join(tree, PROGRAM, "app"), { interpreter });
    await copyTree(
      await ensureNodeProgram(context, machine),
      join(tree, PROGRAM, "node"),
      (path) => path !== "stamp.json",
    );
    await mkdir(join(tree, "usr/bin"), { recursive: true });
    await symlink(`../lib/mpo/app/node_modules/${COMMAND}`, join(tree, "usr/bin/mpo"));
    // Node looks for a module in each folder above the program that asks.
    await symlink("engine/node_modules", join(tree, PROGRAM, "node_modules"));
    await copyInto(join(context.root, "deploy/packages/mpo/mpo.sysusers"), join(tree, "usr/lib/sysusers.d/mpo.conf"));
  },
  "mpo-engine": (context, _facts, machine, tree) => writeEngineTree(context, machine, join(tree, PROGRAM, "engine")),
  "mpo-agent": async (context, _facts, _machine, tree) => {
    await copyInto(join(context.root, "deploy/packages/agent.toml"), join(tree, "etc/mpo/agent.toml"));
    await copyUnits(context, tree, (name) => !name.startsWith("mpo-coordinator"));
  },
  "mpo-coordinator": async (context, _facts, machine, tree) => {
    await copyInto(join(context.root, "deploy/packages/coordinator.toml"), join(tree, "etc/mpo/coordinator.toml"));
    await copyUnits(context, tree, (name) => name.startsWith("mpo-coordinator"));
    await copyInto(await ensureNatsServerFor(context, machine.go), join(tree, PROGRAM, "bin/nats-server"));
  },
};

/**
 * @param {SetupContext} context
 * @param {ReleaseFacts} facts
 * @param {Machine} machine
 * @param {{ work: string, out: string }} folders
 * @returns {Promise<string[]>} the packages' files
 */
export async function buildDebianPackages(context, facts, machine, { work, out }) {
  const files = [];
  for (const [name, write] of Object.entries(CONTENTS)) {
    context.say.work(`building ${name} for ${machine.debian}`);
    const tree = join(work, `${name}-${machine.debian}`);
    await rm(tree, { recursive: true, force: true });
    await mkdir(tree, { recursive: true });
    await write(context, facts, machine, tree);
    files.push(await buildDebianPackage(context, facts, { name, architecture: machine.debian, tree, out }));
    await rm(tree, { recursive: true });
  }
  return files;
}

/**
 * @param {SetupContext} context
 * @param {string} tree
 * @param {(name: string) => boolean} wanted
 */
async function copyUnits({ root }, tree, wanted) {
  const folder = join(root, "deploy/systemd");
  for (const name of (await readdir(folder)).filter((one) => /\.(?:service|slice)$/u.test(one) && wanted(one))) {
    await copyInto(join(folder, name), join(tree, UNITS, name));
  }
}

/**
 * @param {string} from
 * @param {string} to
 */
async function copyInto(from, to) {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
}
