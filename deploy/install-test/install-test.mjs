/**
 * Installs the packages of a release into empty Debian 12 systems and lives through what a user would: packages in, a line
 * in, the agent joins a coordinator in another system, measures, gets its ladder, retrains; upgrade, removal and purge.
 */
import { chown, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { MACHINES } from "../release/facts.mjs";
import { IMAGE_USER } from "../release/images.mjs";
import { runTool } from "../release/tools.mjs";
import { SetupFailure } from "../setup/say.mjs";
import { chosen, runScript } from "../setup/script.mjs";
import { joinLine, liveThrough, startAgent, startCoordinator } from "./board-life.mjs";
import { runInSystem, unpackDebian, whyNotHere } from "./debian-root.mjs";
import { unpackImage, volumesOf } from "./image-root.mjs";
import { checkPurge, prepareBoard } from "./leftovers.mjs";
import { installPackages, sayVersions } from "./packages.mjs";
import { liveThroughUpgrade } from "./upgrade.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {import("../release/facts.mjs").Machine} Machine */

const USAGE = `usage: npm run test:install -- [--arch amd64|arm64] [--packages FOLDER] [--images | --upgrade] [--keep]

Installs a release into empty Debian 12 systems, and lives through what a user would. Needs root.

  --arch NAME        the board's machine, emulated where it is not this one's (default: this one's)
  --packages FOLDER  a release that is there (default: one is built)
  --images           the same with the container images
  --upgrade          a fleet of an earlier version, upgraded while it works
  --previous FOLDER  the earlier packages (default: made of these, with a lower version)
  --keep             leave the systems, and say where they are
  --help             print this`;
const OPTIONS = /** @type {const} */ ({
  arch: { type: "string", default: process.arch === "arm64" ? "arm64" : "amd64" },
  packages: { type: "string" },
  images: { type: "boolean", default: false },
  upgrade: { type: "boolean", default: false },
  previous: { type: "string" },
  keep: { type: "boolean", default: false },
});
const SERVER = ["mpo", "mpo-coordinator"];
const BOARD = ["mpo", "mpo-engine", "mpo-agent"];
/** The line to join with, where the agent's image finds it. */
const JOIN_FILE = "/var/lib/mpo/agent/join.txt";
/** Emulation takes some twenty times as long: a probe that may take two minutes has measured nothing by then. */
const LONG_PROBES = { MPO_AGENT_PROBE_TIME: "30min", MPO_COORDINATOR_PROBE_TIME: "30min" };
/** Inputs are looked at between pieces of work: what is usual is learned after the first probe, and drift must come later. */
const PACE = {
  native: { window: "3min", withinMs: 15 * 60_000, rate: 100, drift: "3min", env: {} },
  emulated: { window: "75min", withinMs: 180 * 60_000, rate: 10, drift: "45min", env: LONG_PROBES },
};

/**
 * @param {SetupContext} context
 * @param {{ machine: Machine, packages: string, folder: string }} options
 */
async function liveOnce(context, { machine, packages, folder }) {
  const own = Object.values(MACHINES).find(({ node }) => node === process.arch) ?? MACHINES.amd64;
  const pace = own === machine ? PACE.native : PACE.emulated;
  const [server, board] = [join(folder, "server"), join(folder, "board")];
  const coordinator = `127.0.0.1:${await freePort()}`;
  await step(context, "an empty Debian 12 for the server, and mpo-coordinator in it", async () => {
    await unpackDebian(context, own, server);
    await installPackages(context, server, packages, own, SERVER);
  });
  await step(context, `an empty Debian 12 for the board (${machine.debian})`, () =>
    unpackDebian(context, machine, board),
  );
  const before = await prepareBoard(context, board);
  await step(context, "apt install ./mpo_*.deb ./mpo-engine_*.deb ./mpo-agent_*.deb", () =>
    installPackages(context, board, packages, machine, BOARD),
  );
  await sayVersions(context, board);
  const ports = /** @type {const} */ ([Number(coordinator.split(":")[1]), await freePort()]);
  const started = await step(context, "the coordinator is ready", () =>
    startCoordinator(server, { window: pace.window, ports, env: pace.env }),
  );
  try {
    const line = await joinLine(context, server, coordinator);
    await step(context, "mpo agent join LINE", () => runInSystem(context, board, ["mpo", "agent", "join", line]));
    const agent = await step(context, "the agent is ready", () => startAgent(board, pace.env));
    try {
      const { withinMs, rate, drift } = pace;
      await step(context, "from the agent's start to a retrained model", () =>
        liveThrough(context, { server, board, coordinator, withinMs, rate, drift }),
      );
    } finally {
      await agent.stop();
    }
  } finally {
    await started.stop();
  }
  await step(context, "upgrade and removal keep the state, purge leaves nothing", async () => {
    await checkPurge(context, board, before, () =>
      installPackages(context, board, packages, machine, BOARD, ["--reinstall"]),
    );
  });
}

/**
 * The same with the container images: read-only systems without a shell, in which everything runs as the image's user.
 * @param {SetupContext} context
 * @param {{ machine: Machine, packages: string, folder: string }} options
 */
async function liveOnceInImages(context, { machine, packages, folder }) {
  const own = Object.values(MACHINES).find(({ node }) => node === process.arch) ?? MACHINES.amd64;
  const { window, env, ...pace } = own === machine ? PACE.native : PACE.emulated;
  const [server, board] = [join(folder, "server"), join(folder, "board")];
  const ports = /** @type {const} */ ([await freePort(), await freePort()]);
  const coordinator = `127.0.0.1:${ports[0]}`;
  const images = await readdir(packages);
  for (const [root, name, arch] of /** @type {const} */ ([
    [server, "mpo-coordinator", own.debian],
    [board, "mpo-agent", machine.debian],
  ])) {
    const file = images.find((one) => one.startsWith(`${name}_`) && one.endsWith(`_${arch}.oci.tar`));
    if (file === undefined)
      throw new SetupFailure(`${packages} has no image ${name} for ${arch}.`, "`npm run release`.");
    await step(context, `the image ${file}`, () => unpackImage(context, join(packages, file), root));
  }
  const started = await step(context, "the coordinator is ready", () =>
    startCoordinator(server, { window, ports, env }),
  );
  try {
    const file = join(volumesOf(board), JOIN_FILE);
    await writeFile(file, await joinLine(context, server, coordinator), { mode: 0o600 });
    await chown(file, IMAGE_USER, IMAGE_USER);
    const agent = await step(context, "the agent is ready", () =>
      startAgent(board, { ...env, MPO_JOIN_FILE: JOIN_FILE }),
    );
    try {
      const what = { server, board, coordinator, ...pace };
      await step(context, "from the agent's start to a retrained model", () => liveThrough(context, what));
    } finally {
      await agent.stop();
    }
  } finally {
    await started.stop();
  }
}

/**
 * A fleet of the release before, upgraded while it works.
 * @param {SetupContext} context
 * @param {{ machine: Machine, packages: string, folder: string, previous: string | undefined }} options
 */
async function upgradeOnce(context, options) {
  const ports = /** @type {const} */ ([await freePort(), await freePort()]);
  await liveThroughUpgrade(context, { ...options, ports, step: (label, work) => step(context, label, work) });
}

/**
 * @template T
 * @param {SetupContext} context
 * @param {string} label
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function step({ say }, label, work) {
  const started = Date.now();
  const result = await work();
  say.work(`${label}: ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return result;
}

/** @returns {Promise<number>} a port of the loopback address that nothing uses now */
async function freePort() {
  const server = createServer();
  return await new Promise((done, fail) => {
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => done(port));
    });
  });
}

await runScript({ name: "install", usage: USAGE, options: OPTIONS }, async (context, values) => {
  const { root, say } = context;
  const machine = chosen("--arch", values.arch, MACHINES);
  const reason = await whyNotHere(context, machine);
  if (reason !== undefined) say.work(`skipped: ${reason}`);
  else {
    const folder = await mkdtemp(join(tmpdir(), "mpo-install-"));
    try {
      const packages = resolve(values.packages ?? join(folder, "packages"));
      if (values.packages === undefined) {
        const archs = [...new Set([machine.debian, process.arch === "arm64" ? "arm64" : "amd64"])].join(",");
        say.work(`building the packages for ${archs} (name a folder with --packages to use others)`);
        await runTool(context, process.execPath, [
          join(root, "deploy/release/release.mjs"),
          "--only",
          values.images ? "images" : "debian",
          "--arch",
          archs,
          "--out",
          packages,
        ]);
      }
      const live = values.upgrade ? upgradeOnce : values.images ? liveOnceInImages : liveOnce;
      const previous = values.previous === undefined ? undefined : resolve(values.previous);
      await step(context, "all", () => live(context, { machine, packages, folder, previous }));
    } finally {
      if (values.keep) say.work(`kept: ${folder}`);
      else await rm(folder, { recursive: true, force: true });
    }
  }
});
