import { setMaxListeners } from "node:events";
import type { Agent, Joining } from "@mpo/agent";
import { SECOND_MS } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { readJoinString, readLocalJoin } from "@mpo/identity";
import { systemClock } from "@mpo/io";
import { type LogFields, type Logger, silentLogger } from "@mpo/runtime";
import type {
  AcknowledgedReport,
  AppliedDocument,
  DriverPlan,
  FleetIdentities,
  FromDriver,
  ToDriver,
} from "./fleet-messages.ts";
import { type SimulatedAgent, type SimulatedAgentParts, servedChain, simulatedAgent } from "./simulated-agent.ts";

/** Entry of a process that runs many simulated agents. It ends when the bench goes away. */
const TELL_MS = 100;
/** Agents that may be joining at once: on a slow machine all would else wait for each other until their calls time out. */
const MAX_JOINING = 40;
/**
 * Reports that may be on their way at once: real devices have a processor each to write them with; here thousands share
 * one, and all at once would spend their deadlines waiting for it.
 */
const MAX_REPORTING = 64;
const LOOK_MS = 20;

const ends = new AbortController();
// Every agent listens.
setMaxListeners(0, ends.signal);
let report = (): void => undefined;
/** One for all: a probe must not leave a listener on the process's signal. */
const reporting = new Promise<void>((resolve) => {
  report = resolve;
});
/** Probes that are over, and wait for their turn to report. */
const turns: (() => void)[] = [];
let reportingNow = 0;
/** Those that are being let into their fleet. */
let entering = 0;
/** Those that had not joined when last looked at. */
let joining: Agent[] = [];
const agents: SimulatedAgent[] = [];
const runs: Promise<void>[] = [];
/** Since when it is counted who reaches a coordinator, by the monotonic clock, and who has. */
let reconnectMs = Number.POSITIVE_INFINITY;
const reconnected = new Set<number>();
let round = 0;
let applied: AppliedDocument[] = [];
let acknowledged: AcknowledgedReport[] = [];
const warnings: Record<string, number> = {};

process.on("disconnect", () => ends.abort());
// The terminal's Ctrl-C goes to the whole group: the bench decides when this ends.
process.on("SIGINT", () => undefined);
process.on("message", (message: ToDriver) => {
  if (message.kind === "report") return report();
  reconnectMs = systemClock.monotonicMs();
  reconnected.clear();
  ({ round } = message);
});

async function drive(plan: DriverPlan): Promise<void> {
  const telling = tell();
  await start(plan).catch((thrown: unknown) => {
    if (!ends.signal.aborted) throw thrown;
  });
  await telling;
  await Promise.allSettled(runs);
  for (const agent of agents) agent.close();
}

async function start(plan: DriverPlan): Promise<void> {
  const {
    coordinators,
    identities,
    first,
    count,
    startsPerSecond,
    seed,
    model,
    brokenEvery = Number.POSITIVE_INFINITY,
  } = plan;
  const source = createRandom(seed);
  const random = (): number => source.uniform();
  const beganMs = systemClock.monotonicMs();
  const joins = identities && (await joiningOf(identities, coordinators));
  const served = await servedChain(model);
  const failed = new AbortController();
  const signal = AbortSignal.any([ends.signal, failed.signal]);
  for (let index = 0; index < count; index++) {
    const aheadMs = (index / startsPerSecond) * SECOND_MS - (systemClock.monotonicMs() - beganMs);
    if (aheadMs > 0) await systemClock.sleep(aheadMs, { signal });
    while (entering + joining.length >= MAX_JOINING) {
      await systemClock.sleep(LOOK_MS, { signal });
      joined();
    }
    signal.throwIfAborted();
    entering += 1;
    const device = first + index;
    const isBroken = (device + 1) % brokenEvery === 0;
    enter({ device, served, isBroken, coordinators, random, joining: joins }).then(
      () => {
        entering -= 1;
      },
      (thrown: unknown) => failed.abort(thrown),
    );
  }
}

async function joiningOf(
  { localJoinFile, folder }: FleetIdentities,
  coordinators: readonly string[],
): Promise<SimulatedAgentParts["joining"]> {
  const { caDigest, secret } = readJoinString((await readLocalJoin(localJoinFile)).joinString);
  const how: Joining = { coordinators, authority: { caDigest }, token: secret };
  return { how, folder };
}

async function enter(
  parts: Pick<SimulatedAgentParts, "device" | "served" | "isBroken" | "coordinators" | "random" | "joining">,
): Promise<void> {
  const { device } = parts;
  const simulated = await simulatedAgent({
    ...parts,
    ...{ clock: systemClock, logger, signal: ends.signal },
    mayReport: turnToReport,
    onAcknowledged: ({ report, profile: { measuredAtMs } }) => {
      acknowledged.push({ device, report, measuredAtMs, atMs: systemClock.now() });
      reportingNow -= 1;
      nextTurn();
    },
    onApplied: (version) => applied.push({ device, version, atMs: systemClock.now() }),
    onAnswered: (madeMs) => {
      if (madeMs >= reconnectMs) reconnected.add(device);
    },
  });
  agents.push(simulated);
  joining.push(simulated.agent);
  runs.push(simulated.run(ends.signal));
}

async function turnToReport(): Promise<void> {
  await reporting;
  await new Promise<void>((resolve) => {
    turns.push(resolve);
    nextTurn();
  });
}

function nextTurn(): void {
  if (reportingNow >= MAX_REPORTING) return;
  const turn = turns.shift();
  if (turn === undefined) return;
  reportingNow += 1;
  turn();
}

/**
 * How many have been enrolled, online and connected to NATS: one that is late with a heartbeat where thousands share a
 * processor has joined all the same.
 */
function joined(): number {
  joining = joining.filter((agent) => {
    const { isOnline, isFeedConnected } = agent.snapshot();
    return !isOnline || !isFeedConnected;
  });
  return runs.length - joining.length;
}

async function tell(): Promise<void> {
  while (!ends.signal.aborted) {
    await systemClock.sleep(TELL_MS, { signal: ends.signal }).catch(() => undefined);
    const counts = { joined: joined(), reconnected: reconnected.size, round };
    const message: FromDriver = { ...counts, applied, acknowledged, warnings };
    applied = [];
    acknowledged = [];
    if (process.connected) process.send?.(message);
  }
  report();
}

/** Counts what goes wrong, instead of writing thousands of lines. */
const logger: Logger = {
  ...silentLogger,
  warn: (message, fields) => count(message, fields),
  error: (message, fields) => count(message, fields),
  child: () => logger,
};

function count(message: string, fields: LogFields | undefined): void {
  const error = fields?.["err"];
  const code = typeof error === "object" && error !== null && "code" in error ? `: ${String(error.code)}` : "";
  const key = message + code;
  warnings[key] = (warnings[key] ?? 0) + 1;
}

await drive(JSON.parse(process.argv[2] ?? "{}") as DriverPlan);
