/** An upgrade of an installed fleet while it works: no report is lost, and state and settings are kept. */
import { appendFile, cp, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runTool } from "../release/tools.mjs";
import { SetupFailure } from "../setup/say.mjs";
import { eventsOf, joinLine, startAgent, startCoordinator } from "./board-life.mjs";
import { runInSystem, unpackDebian } from "./debian-root.mjs";
import { makeEarlierPackages } from "./earlier-packages.mjs";
import { checkPurge, prepareBoard } from "./leftovers.mjs";
import { installPackages } from "./packages.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {import("../release/facts.mjs").Machine} Machine */
/** @typedef {{ name: string, root: string, before: Set<string>, measured: number, agent: Awaited<ReturnType<typeof startAgent>> }} Board */
/** @typedef {<T>(label: string, work: () => Promise<T>) => Promise<T>} Step */

const SERVER = ["mpo", "mpo-coordinator"];
const BOARD = ["mpo", "mpo-engine", "mpo-agent"];
const ALL = ["mpo", "mpo-engine", "mpo-agent", "mpo-coordinator"];
const NAMES = ["board-1", "board-2"];
/** A small one, measured in seconds. */
const MODEL = "packages/engine/cases/models/binary";
/** As unattended upgrades do: what the administrator has set stays. */
const KEEP_SETTINGS = ["--option", "Dpkg::Options::=--force-confold"];
const REPORTS_BETWEEN = 2;
/** A probe takes some seconds, and asking for one takes a start of Node. */
const ORDER_EVERY_MS = 4_000;
const WITHIN_MS = 6 * 60_000;

/**
 * @param {SetupContext} context
 * @param {{ machine: Machine, packages: string, previous: string | undefined, folder: string, ports: readonly [number, number], step: Step }} options
 */
export async function liveThroughUpgrade(context, { machine, packages, previous, folder, ports, step }) {
  const earlier = previous ?? join(folder, "earlier");
  const what = { packages, target: earlier, arch: machine.debian, names: ALL };
  if (previous === undefined) {
    await step("packages of an earlier version, from these", () => makeEarlierPackages(context, what));
  }
  const server = join(folder, "server");
  const coordinator = `127.0.0.1:${ports[0]}`;
  await step("an empty Debian 12 for the server, with the earlier mpo-coordinator", async () => {
    await unpackDebian(context, machine, server);
    await installPackages(context, server, earlier, machine, SERVER);
  });
  const serve = () => startCoordinator(server, { window: "3min", ports });
  let serving = await serve();
  /** @type {Board[]} */
  const boards = [];
  try {
    for (const name of NAMES) {
      const root = join(folder, name);
      const label = `${name}: an empty Debian 12 with the earlier mpo-agent, which joins and works`;
      boards.push(await step(label, () => startBoard(context, { name, root, earlier, machine, server, coordinator })));
    }
    const fleet = { context, boards, server, coordinator };
    const orders = new AbortController();
    const ordering = orderProbes(fleet, orders.signal);
    try {
      await step("the earlier release: reports of each board", () => moreReports(fleet));
      await step("apt install over the coordinator, while reports flow", async () => {
        await upgrade(context, server, packages, machine, SERVER);
      });
      await step("the coordinator restarts", async () => {
        await serving.stop();
        serving = await serve();
      });
      await step("its reports, of boards a release behind", () => moreReports(fleet));
      for (const board of boards) {
        await step(`${board.name}: apt install over the agent, while it works`, async () => {
          await upgrade(context, board.root, packages, machine, BOARD);
        });
        await step(`${board.name}: the agent restarts`, async () => {
          await board.agent.stop();
          board.agent = await start(board);
        });
      }
      await step("the new release: more reports of each board", () => moreReports(fleet));
    } finally {
      orders.abort();
      await ordering;
    }
    await step("every report has come", () => nothingLost(fleet));
    for (const board of boards) await settingsKept(board);
  } finally {
    await Promise.all(boards.map(({ agent }) => agent.stop()));
    await serving.stop();
  }
  for (const { name, root, before } of boards) {
    await step(`${name}: removal keeps the state, purge leaves nothing`, () =>
      checkPurge(context, root, before, () =>
        installPackages(context, root, packages, machine, BOARD, ["--reinstall"]),
      ),
    );
  }
}

/**
 * @param {SetupContext} context
 * @param {{ name: string, root: string, earlier: string, machine: Machine, server: string, coordinator: string }} what
 * @returns {Promise<Board>}
 */
async function startBoard(context, { name, root, earlier, machine, server, coordinator }) {
  await unpackDebian(context, machine, root);
  const before = await prepareBoard(context, root);
  await installPackages(context, root, earlier, machine, BOARD);
  await appendFile(join(root, "etc/mpo/agent.toml"), `device = "${name}"\n`);
  const model = join(root, "srv/mpo/shapes/model");
  await mkdir(model, { recursive: true });
  await cp(join(context.root, MODEL), model, { recursive: true });
  await runTool(context, "chmod", ["--recursive", "a+rwX", join(root, "srv/mpo/shapes")]);
  await runInSystem(context, root, ["mpo", "agent", "join", await joinLine(context, server, coordinator)]);
  const board = { name, root, before, measured: 0 };
  return Object.assign(board, { agent: await start(board) });
}

/** @param {Pick<Board, "root" | "measured">} board */
async function start(board) {
  return await startAgent(board.root, {}, (line) => {
    if (line.includes("a probe ended")) board.measured += 1;
  });
}

/**
 * @param {SetupContext} context
 * @param {string} root
 * @param {string} packages
 * @param {Machine} machine
 * @param {readonly string[]} names
 */
async function upgrade(context, root, packages, machine, names) {
  await installPackages(context, root, packages, machine, names, KEEP_SETTINGS);
  const shown = await runInSystem(context, root, ["dpkg-query", "--show", ...names]);
  const versions = [
    ...new Set(
      shown
        .trim()
        .split("\n")
        .map((line) => line.split("\t")[1]),
    ),
  ];
  if (versions.length !== 1) throw new SetupFailure(`versions are mixed: ${versions.join(", ")}.`, "see above.");
}

/** @typedef {{ context: SetupContext, boards: readonly Board[], server: string, coordinator: string }} Fleet */

/**
 * Orders probes of all boards until it is to end; what cannot be asked is asked again.
 * @param {Fleet} fleet
 * @param {AbortSignal} signal
 */
async function orderProbes({ context, boards, server, coordinator }, signal) {
  while (!signal.aborted) {
    for (const { name } of boards) {
      const order = ["mpo", "devices", "probe", name, "--coordinator", coordinator];
      await runInSystem(context, server, order).catch(() => undefined);
    }
    await sleep(ORDER_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/**
 * @param {Fleet} fleet
 * @returns {Promise<Map<string, number>>} the profiles' reports that the coordinator has, by device
 */
async function reports({ context, boards, server, coordinator }) {
  const events = await eventsOf(context, server, coordinator);
  return new Map(
    boards.map(({ name }) => {
      const own = events.filter(({ kind, device }) => kind === "profile-stored" && device === name);
      return [name, new Set(own.map(({ message }) => /^report (\S+):/u.exec(message)?.[1])).size];
    }),
  );
}

/**
 * Waits until each board has reported a few times more.
 * @param {Fleet} fleet
 */
async function moreReports(fleet) {
  const first = await reports(fleet);
  await until(async () => {
    const now = await reports(fleet);
    return [...now].every(([name, count]) => count >= (first.get(name) ?? 0) + REPORTS_BETWEEN);
  }, "the boards do not report");
}

/** @param {Fleet} fleet */
async function nothingLost(fleet) {
  let found = "";
  await until(async () => {
    const now = await reports(fleet);
    const counts = fleet.boards.map(({ name, measured }) => ({ name, measured, stored: now.get(name) ?? 0 }));
    found = counts.map(({ name, measured, stored }) => `${name} ${measured} made, ${stored} stored`).join("; ");
    return counts.every(({ measured, stored }) => stored >= measured);
  }, "reports are lost").catch((error) => {
    throw new SetupFailure(`reports are lost: ${found}.`, String(error));
  });
  fleet.context.say.work(`reports lost: 0 (${found})`);
}

/** @param {Board} board */
async function settingsKept({ name, root }) {
  const text = await readFile(join(root, "etc/mpo/agent.toml"), "utf8");
  if (text.endsWith(`device = "${name}"\n`)) return;
  throw new SetupFailure("the upgrade has changed /etc/mpo/agent.toml.", "see deploy/release/debian-package.mjs.");
}

/**
 * @param {() => Promise<boolean>} isSo
 * @param {string} otherwise
 */
async function until(isSo, otherwise) {
  for (const endMs = Date.now() + WITHIN_MS; !(await isSo()); await sleep(3000)) {
    if (Date.now() > endMs) throw new SetupFailure(`${otherwise} within ${WITHIN_MS / 60_000} min.`, "see above.");
  }
}
