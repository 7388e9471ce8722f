/**
 * Prometheus and promtool, by which the alerts and the dashboard are tested: those that the user has, else out of Debian's
 * and Ubuntu's package `prometheus`. The product does not need them.
 */
import { chmod, copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ensureArtefact, exists } from "./cache.mjs";
import { findProgram } from "./child.mjs";
import { downloadPackage } from "./debian-package.mjs";
import { SetupFailure } from "./say.mjs";

/** @typedef {import("./cache.mjs").SetupContext} SetupContext */
/** @typedef {{ prometheus: string, promtool: string }} PrometheusPrograms */

const PROGRAMS = /** @type {const} */ (["prometheus", "promtool"]);
const CACHED_FOLDER = "prometheus";
const DEBIAN = {
  name: "prometheus",
  label: "Prometheus",
  byHand: "put prometheus and promtool into PATH. Only the tests of alerts and of the dashboard need them.",
};

/**
 * @param {Pick<SetupContext, "cache" | "env">} context
 * @returns {Promise<PrometheusPrograms | undefined>} the user's own, or those in the cache
 */
export async function findPrometheus({ cache, env }) {
  const [prometheus, promtool] = await Promise.all(PROGRAMS.map((name) => findProgram(name, env)));
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool };
  const cached = inFolder(join(cache, CACHED_FOLDER));
  return (await exists(cached.prometheus)) && (await exists(cached.promtool)) ? cached : undefined;
}

/**
 * Makes sure that they lie in the cache; where they cannot be had it says so and continues.
 * @param {SetupContext} context
 */
export async function offerPrometheus(context) {
  try {
    if (!context.verify && (await findPrometheus(context)) !== undefined) return;
    await ensurePrometheus(context);
  } catch (error) {
    if (!(error instanceof SetupFailure)) throw error;
    context.say.calm(`without Prometheus, which only tests need: ${error.message}\n  To get it: ${error.fix}`);
  }
}

/**
 * @param {SetupContext} context
 * @returns {Promise<PrometheusPrograms>}
 */
export async function ensurePrometheus(context) {
  const { folder, fresh } = await ensureArtefact(context, {
    name: CACHED_FOLDER,
    label: "Prometheus",
    roomBytes: 250e6,
    build: async (staging) => {
      context.say.work("downloading Prometheus (19 MB, package prometheus) with apt-get");
      const download = join(staging, "download");
      const unpacked = await downloadPackage(context, { ...DEBIAN, folder: download });
      for (const name of PROGRAMS) {
        await copyFile(join(unpacked, "usr/bin", name), join(staging, name));
        await chmod(join(staging, name), 0o755);
      }
      await rm(download, { recursive: true, force: true });
      return {};
    },
  });
  if (fresh) context.say.work("Prometheus is in place");
  return inFolder(folder);
}

/**
 * @param {string} folder
 * @returns {PrometheusPrograms}
 */
function inFolder(folder) {
  return { prometheus: join(folder, "prometheus"), promtool: join(folder, "promtool") };
}
