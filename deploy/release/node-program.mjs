/** Node itself, from the npm packages that its builds are published in, checked by hash. */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ensureArtefact, hashFile } from "../setup/cache.mjs";
import { findNpm } from "../setup/npm-packages.mjs";
import { SetupFailure } from "../setup/say.mjs";
import { runTool } from "./tools.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {import("./facts.mjs").Machine} Machine */

/** The line with long support that TensorFlow's addon works with, and the SHA-256 of each machine's package. */
export const NODE = {
  version: "22.23.5",
  sha256: {
    x64: "2e77fcc6b99a29e82643e27ae8970b168c99e5d74718705c085f8136e605c858",
    arm64: "24e6eddf51ced457b50498f3e35e3d4ea0c1479fa50b7e100d8332fe0bf1a117",
  },
};

/**
 * @param {SetupContext} context
 * @param {Machine} machine
 * @returns {Promise<string>} a folder with `bin/node` and `LICENSE`
 */
export async function ensureNodeProgram(context, machine) {
  const name = `node-linux-${machine.node}@${NODE.version}`;
  const { folder } = await ensureArtefact(context, {
    name: `release/node-${machine.node}-${NODE.version}`,
    label: `Node ${NODE.version} for ${machine.debian}`,
    roomBytes: 400e6,
    build: async (staging) => {
      const download = join(staging, "download");
      await mkdir(download);
      context.say.work(`downloading ${name} (50 MB) with npm`);
      const npm = await findNpm(context.env);
      await runTool(context, npm, ["pack", name, "--ignore-scripts", "--silent"], { cwd: download });
      const file = join(download, (await readdir(download))[0] ?? "");
      const found = await hashFile(file, context.signal);
      if (found !== NODE.sha256[machine.node]) {
        throw new SetupFailure(
          `wrong hash: what npm gives as ${name} has SHA-256 ${found}.`,
          "run the command again; if this persists, the registry or proxy in between changes files: use another.",
        );
      }
      await runTool(context, "tar", ["--extract", `--file=${file}`, "package/bin/node", "package/LICENSE"], {
        cwd: download,
      });
      await rename(join(download, "package/bin"), join(staging, "bin"));
      await rename(join(download, "package/LICENSE"), join(staging, "LICENSE"));
      await rm(download, { recursive: true });
      return { version: NODE.version };
    },
  });
  return folder;
}
