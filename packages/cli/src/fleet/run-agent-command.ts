import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import {
  AGENT_RELEASED_MS,
  AGENT_VERSION,
  type Agent,
  type AgentSettings,
  type CpuShare,
  connectFleet,
  DEFAULT_AGENT_SETTINGS,
  engineVersion,
  identityFiles,
  limitsFile,
  openKeyFile,
  runAgentDaemon,
} from "@mpo/agent";
import { ANY_METHOD, formatBytes, given, type MethodWish, MIB, SEARCHED_METHODS } from "@mpo/core";
import { linkSignals, makeFolder, systemClock, throwIfAborted } from "@mpo/io";
import { type Logger, type LogLevel, openTracing, runServices, type Service } from "@mpo/runtime";
import { findJoining, findWayIn, type JoiningOptions, type WayIn } from "../access/find-joining.ts";
import type { Daemon, Files, Output, Stop } from "../command-context.ts";
import type { ConfigFile } from "../config-file/config-file.ts";
import { nameOfHost } from "../options/fleet-options.ts";
import { printError } from "../output/print-error.ts";
import { agentStatus, waitForWayIn } from "./agent-status.ts";
import { asOwner, requireRights } from "./as-owner.ts";
import { commandLogger } from "./command-logger.ts";
import { reportTo, serviceRun, withoutManager } from "./service-run.ts";
import { stateFolder } from "./state-folder.ts";

/** The options of `mpo agent`. Times are milliseconds, sizes bytes. */
export interface AgentCommandOptions extends JoiningOptions {
  readonly tenant: string;
  readonly device?: string;
  readonly label?: AgentSettings["labels"];
  readonly data?: string;
  readonly serving?: string;
  readonly class?: string;
  readonly limits?: string;
  readonly method: MethodWish;
  readonly batch: number;
  readonly reserve: number;
  readonly reserveShare: number;
  readonly cpuShare: CpuShare;
  readonly memoryLimit?: number;
  readonly probeTime: number;
  readonly driftProbeTime: number;
  readonly probePatience: number;
  readonly windowPause: number;
  readonly minInputs: number;
  readonly shareAdaptations: boolean;
  readonly tick: number;
  readonly nats?: readonly string[];
  readonly logLevel?: LogLevel;
}

/** What a device's owner allows, in the agent's folder. */
const LIMITS_FILE = "limits.json";

/** Settings that may change while the agent runs. The file of limits is looked at all the time anyway. */
const LIVE_KEYS = [
  ...["reserve", "reserve-share", "probe-time", "drift-probe-time", "window-pause", "min-inputs"],
  ...["share-adaptations", "tick"],
];

/** A running job is asked to end, and killed when it does not. */
const DRAIN_MS = 20_000;

/** Runs the agent of this device until it is stopped. */
export async function runAgentCommand(
  options: AgentCommandOptions,
  context: Daemon & Files & Output,
  config: ConfigFile<AgentCommandOptions>,
): Promise<void> {
  const { terminal, process, environment } = context;
  const logger = commandLogger(terminal, options.logLevel);
  const settings = settingsFrom(options);
  let up: Agent | undefined;
  const { manager, onHangUp } = serviceRun({
    ...{ config, context, logger, live: LIVE_KEYS },
    apply: (changed) => up?.adjust(settingsFrom(changed)),
  });
  const { dataFolder, servingRoot } = await foldersFrom(options, settings.identity, context);
  const limits = limitsFile(limitsFileOf(options, dataFolder, context), options.limits !== undefined);
  const { membership, joinLine } = identityFiles(dataFolder);
  const wanted = (): Parameters<typeof findWayIn>[0] => ({ ...options, joinLine, isMember: existsSync(membership) });
  const find = (): Promise<WayIn | undefined> => findWayIn(wanted(), context, context);
  // A service waits for a way; a person is rather told.
  const found = manager.isThere ? undefined : await findJoining(wanted(), context, context);
  await using tracing = await openTracing({
    ...{ service: "mpo-agent", instance: settings.identity.device, version: settings.agentVersion },
    ...{ environment, clock: systemClock, logger },
  });
  const common = { clock: systemClock, random: Math.random, logger, tracing };
  const agent = agentService(async (signal, onReady) => {
    const { joining, targets } = found ?? (await waitForWayIn(find, { manager, logger, signal }));
    let known: Pick<ReadyFacts, "identity" | "coordinators"> = { identity: settings.identity, coordinators: targets };
    await runAgentDaemon({
      ...{ settings, dataFolder, servingRoot, environment: withoutManager(environment), signal, ...common },
      onTurn: (nextWithinMs) => manager.turned(nextWithinMs),
      joining,
      connect: (identity, member) => {
        known = { identity, coordinators: member?.coordinators ?? targets };
        return connectFleet({ ...known, member, ...given({ natsServers: options.nats }), ...common });
      },
      onReady: (ready) => {
        up = ready;
        printReady({ ...known, dataFolder, servingRoot, limits: up.snapshot().limits }, context);
        warnOfLimit(options.memoryLimit, logger);
        void rm(joinLine, { force: true }).catch(() => undefined);
        onReady(up);
      },
      cpuShare: options.cpuShare,
      limitsFile: limits,
      ...given({ deviceClass: options.class, memoryLimitBytes: options.memoryLimit }),
    });
  });
  // From here on the services listen themselves: what came while they were made ready must not be lost.
  throwIfAborted(context.signal);
  await using _reporting = reportTo(manager, {
    ...{
      clock: systemClock,
      signal: context.signal,
      late: "is not in its fleet yet: the log says what it waits for",
      status: () => up && agentStatus(up.snapshot()),
    },
  });
  const code = await runServices([agent], {
    process,
    logger,
    onHangUp,
    drainMs: DRAIN_MS,
    onFailure: (thrown) => {
      if (terminal.json) logger.error("the agent ends", { err: thrown });
      printError(terminal, thrown);
    },
  });
  context.exitWith(code);
}

/** Prints by what key the fleet will know this device, as `mpo devices preauthorise` takes it. */
export async function printKey(
  options: AgentCommandOptions & { readonly installed?: string | undefined },
  context: Files & Output & Stop,
): Promise<void> {
  const { terminal, signal } = context;
  const { identity } = settingsFrom(options);
  requireRights(options, context, "mpo agent key");
  const dataFolder = dataFolderOf(options, identity, context);
  const read = async () => {
    await makeFolder(dataFolder);
    return await openKeyFile(identityFiles(dataFolder).key, commandLogger(terminal, options.logLevel), { signal });
  };
  const { publicKeyDigest } = await asOwner(dataFolder, read, { isInstalled: options.installed !== undefined });
  terminal.record({ name: identity.device, key: publicKeyDigest });
  terminal.line(`${identity.device},${publicKeyDigest}`);
}

export function settingsFrom(options: AgentCommandOptions): AgentSettings {
  const { budget } = DEFAULT_AGENT_SETTINGS;
  return {
    ...DEFAULT_AGENT_SETTINGS,
    identity: identityOf(options),
    labels: options.label ?? [],
    agentVersion: AGENT_VERSION,
    releasedAtMs: AGENT_RELEASED_MS,
    engineVersion: engineVersion(),
    methods: options.method === ANY_METHOD ? SEARCHED_METHODS : [options.method],
    effectiveBatch: options.batch,
    budget: { ...budget, reserveBytes: options.reserve, reserveShare: options.reserveShare },
    probeMs: options.probeTime,
    curvesMs: options.driftProbeTime,
    probePatienceMs: options.probePatience,
    windowPauseMs: options.windowPause,
    minTrainingInputs: options.minInputs,
    sharesAdaptations: options.shareAdaptations,
    tickMs: options.tick,
  };
}

/** Whose agent it is, and its name there. */
export function identityOf({
  tenant,
  device,
}: Pick<AgentCommandOptions, "tenant" | "device">): AgentSettings["identity"] {
  return { tenant, device: device ?? nameOfHost(hostname()) };
}

async function foldersFrom(
  options: AgentCommandOptions,
  identity: AgentSettings["identity"],
  context: Files,
): Promise<{ readonly dataFolder: string; readonly servingRoot: string }> {
  const { serving } = options;
  const dataFolder = dataFolderOf(options, identity, context);
  const servingRoot = serving === undefined ? join(dataFolder, "serving") : resolve(context.workingFolder, serving);
  for (const folder of [dataFolder, servingRoot]) await makeFolder(folder);
  return { dataFolder, servingRoot };
}

/** Where the owner's limits are. */
export function limitsFileOf(
  { limits }: Pick<AgentCommandOptions, "limits">,
  dataFolder: string,
  { workingFolder }: Files,
): string {
  return limits === undefined ? join(dataFolder, LIMITS_FILE) : resolve(workingFolder, limits);
}

/** Where the agent keeps its state. */
export function dataFolderOf(
  { data }: Pick<AgentCommandOptions, "data">,
  identity: AgentSettings["identity"],
  { environment, workingFolder }: Files,
): string {
  return data === undefined ? agentFolder(identity, environment) : resolve(workingFolder, data);
}

/** Where an agent keeps its state when nothing else is said. */
function agentFolder({ tenant, device }: AgentSettings["identity"], environment: Files["environment"]): string {
  return join(stateFolder(environment), "agents", tenant === "default" ? device : `${tenant}.${device}`);
}

/** The agent as a part of a process. `run` calls back when the agent is up. */
function agentService(run: (signal: AbortSignal, onReady: (agent: Agent) => void) => Promise<void>): Service {
  const ends = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    name: "agent",
    ended: () => running,
    start: async ({ signal }) => {
      using linked = linkSignals(signal);
      const isUp = new Promise<Agent>((resolveUp) => {
        running = run(ends.signal, resolveUp);
      });
      running.catch(() => undefined);
      linked.signal.addEventListener("abort", () => ends.abort(), { once: true });
      await Promise.race([isUp, running]);
    },
    stop: async () => {
      ends.abort();
      // A failure was reported when it came.
      await running.catch(() => undefined);
    },
  };
}

/** What a worker takes before its first step: with less, nothing can be probed. */
const LEAST_MEMORY_BYTES = 512 * MIB;

function warnOfLimit(memoryLimit: number | undefined, logger: Logger): void {
  if (memoryLimit === undefined || memoryLimit >= LEAST_MEMORY_BYTES) return;
  const least = formatBytes(LEAST_MEMORY_BYTES);
  logger.warn(`nothing can be probed or trained within --memory-limit ${formatBytes(memoryLimit)}`, {
    hint: `TensorFlow alone takes more: give ${least} or more.`,
  });
}

interface ReadyFacts {
  readonly identity: AgentSettings["identity"];
  readonly coordinators: readonly string[];
  readonly dataFolder: string;
  readonly servingRoot: string;
  readonly limits: string;
}

function printReady(facts: ReadyFacts, { terminal }: Output): void {
  const { identity, coordinators, dataFolder, servingRoot, limits } = facts;
  const { device, tenant } = identity;
  const coordinator = coordinators.join(", ");
  terminal.record({ event: "ready", device, tenant, coordinator, data: dataFolder, serving: servingRoot, limits });
  terminal.line(`agent of ${device} is up`);
  terminal.line(`  coordinator   ${coordinator}`);
  terminal.line(`  data          ${dataFolder}`);
  terminal.line(`  serving       ${servingRoot}`);
  if (limits !== "") terminal.line(`  limits        ${limits}`);
  terminal.line(`next: put models there, each as NAME/model; and look at it: mpo devices show ${device}`);
}
