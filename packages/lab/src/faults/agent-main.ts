import { type Agent, connectFleet, DEFAULT_AGENT_SETTINGS, runAgentDaemon } from "@mpo/agent";
import { createRandom, deriveSeed } from "@mpo/datasets";
import { readJoinString, readLocalJoin } from "@mpo/identity";
import { type Clock, systemClock } from "@mpo/io";
import { createLogger, retry } from "@mpo/runtime";
import { acknowledging } from "../promises/compare-reports.ts";
import { followClockFile } from "./moved-clock.ts";
import { processEngine } from "./process-engine.ts";
import type { AgentConfiguration, FromAgent, ToAgent } from "./process-messages.ts";
import type { Life } from "./supervised-process.ts";

/** Entry of an agent's process: the product's daemon on its real disk and wire, with an engine that is made up. */
const configuration = JSON.parse(process.argv[2] ?? "{}") as AgentConfiguration & Life;
const { device, coordinator, localJoinFile, dataFolder, servingRoot, clockStartMs, clockSpeed, clockFile, seed, life } =
  configuration;
const identity = { tenant: "default", device };
const source = createRandom(deriveSeed(seed, life));
const random = (): number => source.uniform();
const logger = createLogger({ level: "info" });
const clockMovedMs = followClockFile(clockFile);
const clock: Clock = {
  ...systemClock,
  now: () => {
    const movedMs = clockMovedMs();
    return Math.max(0, Math.floor(clockStartMs + (Date.now() - movedMs - clockStartMs) * clockSpeed) + movedMs);
  },
};
const ends = new AbortController();
process.on("disconnect", () => ends.abort());
process.on("SIGTERM", () => ends.abort());

const tell = (message: FromAgent): void => {
  if (process.connected) process.send?.(message, () => undefined);
};

async function watch(agent: Agent): Promise<void> {
  let applied = "";
  let reports = "";
  while (!ends.signal.aborted) {
    const snapshot = agent.snapshot();
    if (snapshot.applied !== undefined && JSON.stringify(snapshot.applied) !== applied) {
      applied = JSON.stringify(snapshot.applied);
      tell({ kind: "applied", version: snapshot.applied, isGivenUp: snapshot.isGivenUp });
    }
    const { waitingReports: waiting, droppedReports: dropped, isOnline } = snapshot;
    const now = JSON.stringify([waiting, dropped, isOnline]);
    if (now !== reports) tell({ kind: "reports", waiting, dropped, isOnline });
    reports = now;
    await systemClock.sleep(50, { signal: ends.signal }).catch(() => undefined);
  }
}

const common = { clock, random, logger };
let watching: Promise<void> = Promise.resolve();
const { caPem, joinString } = await retry(() => readLocalJoin(localJoinFile), {
  schedule: new Array<number>(600).fill(100),
  isRetryable: () => !ends.signal.aborted,
});
await runAgentDaemon({
  settings: {
    ...DEFAULT_AGENT_SETTINGS,
    identity,
    methods: ["crossEntropy"],
    agentVersion: "0.1.0",
    engineVersion: "0.1.0",
    // This machine's load, memory and disk are the harness's own.
    budget: {
      ...DEFAULT_AGENT_SETTINGS.budget,
      reserveBytes: 0,
      reserveShare: 0,
      workerIdleBytes: 1,
      minDiskFreeBytes: 0,
    },
    probePatienceMs: 0,
    tickMs: 100,
    windowPauseMs: 0,
    minTrainingInputs: 0,
    // Of the fast clock: a second or two.
    profileStaleMs: 120_000,
    linkRetry: { baseMs: 100, capMs: 1_000 },
  },
  dataFolder,
  servingRoot,
  deviceClass: "board",
  joining: { coordinators: [coordinator], authority: { caPem }, token: readJoinString(joinString).secret },
  connect: async (as, member) => {
    const connection = await connectFleet({ identity: as, coordinators: [coordinator], member, ...common });
    const link = acknowledging(connection.link, ({ report, profile }) =>
      tell({ kind: "acknowledged", model: profile.model.name, report, measurement: profile.measuredAtMs }),
    );
    return { ...connection, link };
  },
  ...common,
  environment: process.env,
  engine: processEngine(random, (pid) => tell({ kind: "worker", pid })),
  onReady: (agent) => {
    process.on("message", ({ model }: ToAgent) => agent.openWindow(model));
    watching = watch(agent);
  },
  signal: ends.signal,
});
await watching;
if (process.connected) process.disconnect();
