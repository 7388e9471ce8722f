/** What a board lives through once its packages are in: it joins a fleet, measures, gets its ladder, and retrains. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runTool } from "../release/tools.mjs";
import { copyTree } from "../release/trees.mjs";
import { SetupFailure } from "../setup/say.mjs";
import { inSystem, runInSystem, startProcess } from "./debian-root.mjs";
import { volumesOf } from "./image-root.mjs";

/** @typedef {import("../setup/cache.mjs").SetupContext} SetupContext */
/** @typedef {{ kind: string, message: string, device: string }} FleetEvent */

/** As systemd starts it: the unit's user. */
const AS_MPO = ["setpriv", "--reuid=mpo", "--regid=mpo", "--init-groups", "--no-new-privs", "--bounding-set=-all"];
/** A machine that emulates, or that others use too, is never idle. */
const ON_A_BUSY_MACHINE = ["--cpu-share", "equal", "--probe-patience", "5s", "--min-inputs", "128"];
/** Each look starts a Node of its own, which a board that is emulated beside it feels. */
const POLL_MS = 10_000;
const MILESTONES = ["profile-stored", "document-applied", "drift-seen", "window-replaced"];

/**
 * Starts the installed coordinator.
 * @param {string} root the server's system
 * @param {{ window: string, ports: readonly [number, number], env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ stop: () => Promise<void> }>} once it is ready
 */
export async function startCoordinator(root, { window, ports: [grpc, http], env = {} }) {
  const command = ["mpo", "coordinator", "--json", "--config", "/etc/mpo/coordinator.toml", "--window", window];
  const addresses = ["--listen", `127.0.0.1:${grpc}`, "--http", `127.0.0.1:${http}`];
  return await startService(inSystem(root, [...AS_MPO, ...command, ...addresses]), {
    XDG_STATE_HOME: "/var/lib/mpo/coordinator",
    ...env,
  });
}

/**
 * Starts the installed agent.
 * @param {string} root the board's system
 * @param {NodeJS.ProcessEnv} [env]
 * @param {(line: string) => void} [onLine] gets what it prints
 * @returns {Promise<{ stop: () => Promise<void> }>} once it is ready
 */
export async function startAgent(root, env = {}, onLine) {
  const command = ["mpo", "agent", "--json", "--config", "/etc/mpo/agent.toml", ...ON_A_BUSY_MACHINE];
  return await startService(inSystem(root, [...AS_MPO, ...command]), env, onLine);
}

/**
 * @param {readonly string[]} command
 * @param {NodeJS.ProcessEnv} env
 * @param {(line: string) => void} [onLine]
 */
async function startService(command, env, onLine) {
  /** @type {string[]} */
  const lines = [];
  let isReady = false;
  const service = startProcess(command, {
    env,
    onLine: (line) => {
      lines.push(line);
      onLine?.(line);
      isReady ||= line.includes('"event":"ready"');
    },
  });
  for (const until = Date.now() + 180_000; !isReady; await sleep(100)) {
    if (Date.now() < until && !service.hasEnded()) continue;
    await service.stop();
    throw new SetupFailure(
      `${command.join(" ").slice(-80)} is not ready:\n${lines.slice(-8).join("\n")}`,
      "see above.",
    );
  }
  return service;
}

/**
 * Makes a line with which one device may join.
 * @param {SetupContext} context
 * @param {string} root the server's system
 * @param {string} coordinator
 */
export async function joinLine(context, root, coordinator) {
  const created = ["mpo", "token", "create", "--accept", "--expires", "2h", "--coordinator", coordinator, "--json"];
  /** @type {{ joinString: string }} */
  const { joinString } = JSON.parse((await runInSystem(context, root, created)).trim().split("\n")[0] ?? "");
  return joinString;
}

/**
 * Lets a program serve a model from the board's folder, and waits until the board has been through everything.
 * @param {SetupContext} context
 * @param {{ server: string, board: string, coordinator: string, withinMs: number, rate: number, drift: string }} what
 * @returns {Promise<void>}
 */
export async function liveThrough(context, { server, board, coordinator, withinMs, rate, drift }) {
  const { root, say, env } = context;
  const started = Date.now();
  const serving = join(existsSync(volumesOf(board)) ? volumesOf(board) : board, "srv/mpo");
  await deployModel(context, serving);
  const cli = join(root, "packages/cli/dist/main.js");
  const options = ["--serving", serving, "--corruption", "fog", "--drift-after", drift, "--rate", `${rate}`];
  // The program that serves is a member of the group mpo, whose folder it is.
  const app = spawn(
    "sh",
    ["-c", 'umask 002; exec "$@"', "sh", process.execPath, cli, "example-app", "--quiet", ...options],
    {
      stdio: "ignore",
      env,
    },
  );
  try {
    const seen = new Set();
    for (const until = started + withinMs; Date.now() < until; await sleep(POLL_MS)) {
      for (const { kind, message } of await eventsOf(context, server, coordinator)) {
        if (seen.has(`${kind} ${message}`)) continue;
        seen.add(`${kind} ${message}`);
        say.work(
          `${String(Math.round((Date.now() - started) / 1000)).padStart(5)} s  ${kind}  ${message.slice(0, 110)}`,
        );
      }
      if (MILESTONES.every((one) => [...seen].some((text) => text.startsWith(one)))) return;
    }
    const missing = MILESTONES.filter((one) => ![...seen].some((text) => text.startsWith(one)));
    throw new SetupFailure(`the board did not come to: ${missing.join(", ")}`, "see its events above.");
  } finally {
    app.kill("SIGTERM");
  }
}

/**
 * Puts a model there as its owner would: readable and writable by the group, to which the folder's files belong.
 * @param {SetupContext} context
 * @param {string} serving
 */
async function deployModel(context, serving) {
  const model = join(serving, "fashion/model");
  await mkdir(model, { recursive: true });
  await copyTree(join(context.root, "packages/cli/models/resnet20-bn"), model);
  await runTool(context, "chmod", ["--recursive", "g+rwX", join(serving, "fashion")]);
}

/**
 * @param {SetupContext} context
 * @param {string} server
 * @param {string} coordinator
 * @returns {Promise<FleetEvent[]>}
 */
export async function eventsOf(context, server, coordinator) {
  const text = await runInSystem(context, server, [
    "mpo",
    "events",
    "--since",
    "1d",
    "--json",
    "--coordinator",
    coordinator,
  ]);
  return text.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    const { kind = "", message = "", device = "" } = JSON.parse(line);
    return [{ kind, message, device }];
  });
}
