/**
 * An agent of some release, whose measurements are made up and whose work is a real process; everything else is the
 * release's own. Prints what it runs by as one JSON object a line, until its standard input ends.
 *
 * usage: node joined-agent.mjs ROOT-OF-THE-RELEASE FOLDER LOCAL-JOIN-FILE COORDINATOR
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const [root = "", folder = "", localFile = "", coordinator = ""] = process.argv.slice(2);
/** @param {string} path */
const load = (path) => import(join(root, "packages", path));
const { DEFAULT_AGENT_SETTINGS, connectFleet, runAgentDaemon } = await load("agent/dist/index.js");
const { readJoinString, readLocalJoin } = await load("identity/dist/index.js");
const { systemClock } = await load("io/dist/index.js");
const { createLogger } = await load("runtime/dist/index.js");
const { processEngine } = await load("lab/dist/faults/process-engine.js");
const { version } = (await import(join(root, "packages/agent/package.json"), { with: { type: "json" } })).default;

const served = join(folder, "serving/tiny/model");
await mkdir(served, { recursive: true });
await writeFile(join(served, "model.json"), "{}");
const { joinString } = await readLocalJoin(localFile);
const { secret, caDigest } = readJoinString(joinString);
const logger = createLogger({
  write: (/** @type {string} */ line, /** @type {() => void} */ done) => process.stderr.write(line, done),
});
const common = { clock: systemClock, random: Math.random, logger };
const ends = new AbortController();
let agent;
let probes = 0;
const engine = processEngine(Math.random, () => undefined);
const running = runAgentDaemon({
  settings: {
    ...DEFAULT_AGENT_SETTINGS,
    ...{ identity: { tenant: "default", device: "pi-1" }, agentVersion: version, engineVersion: version },
    ...{ tickMs: 50, probePatienceMs: 0, minTrainingInputs: 0, linkRetry: { baseMs: 50, capMs: 200 } },
    budget: { ...DEFAULT_AGENT_SETTINGS.budget, reserveBytes: 0, reserveShare: 0, workerIdleBytes: 1 },
  },
  ...{ dataFolder: join(folder, "data"), servingRoot: join(folder, "serving"), deviceClass: "board", ...common },
  joining: { coordinators: [coordinator], authority: { caDigest }, token: secret },
  connect: (/** @type {unknown} */ identity, /** @type {{ coordinators: string[] } | undefined} */ member) =>
    connectFleet({ ...{ identity, member, coordinators: member?.coordinators ?? [] }, ...common }),
  environment: process.env,
  engine: {
    ...engine,
    probe: (/** @type {unknown[]} */ ...job) => {
      probes += 1;
      return engine.probe(...job);
    },
  },
  onReady: (/** @type {{ snapshot(): object }} */ made) => {
    agent = made;
  },
  signal: ends.signal,
});
let said = "";
const saying = setInterval(() => {
  const { applied, isOnline = false } = agent?.snapshot() ?? {};
  const text = JSON.stringify({ version: applied?.version ?? 0, isOnline, probes });
  if (text !== said) process.stdout.write(`${text}\n`);
  said = text;
}, 50);
process.stdin.resume().once("end", () => ends.abort());
await running;
clearInterval(saying);
