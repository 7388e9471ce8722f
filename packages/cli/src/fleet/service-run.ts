import { closeSync, openSync } from "node:fs";
import { MpoError } from "@mpo/core";
import { type Clock, onAbort } from "@mpo/io";
import { type LogLevel, NOTIFY_VARIABLES, type RootLogger, ServiceManager } from "@mpo/runtime";
import type { Daemon, Files, Output, Stop } from "../command-context.ts";
import type { ConfigFile } from "../config-file/config-file.ts";
import { usualLevel } from "./command-logger.ts";

export interface ServiceRunOptions<Options> {
  readonly config: ConfigFile<Options>;
  readonly context: Daemon & Files & Output;
  readonly logger: RootLogger;
  /** Keys whose values may change while it runs, in addition to the log's level. */
  readonly live: readonly string[];
  /** Puts other values of those in force. */
  readonly apply: (options: Options) => void;
}

/** A command that runs on, as its service manager and its config file see it. */
export interface ServiceRun {
  readonly manager: ServiceManager;
  /** At SIGHUP: reads the config file again where there is one; false: the command is to stop. */
  readonly onHangUp: () => boolean;
}

export function serviceRun<Options extends { readonly logLevel?: LogLevel }>(
  options: ServiceRunOptions<Options>,
): ServiceRun {
  const { config, context, logger } = options;
  const manager = new ServiceManager({ environment: context.environment, logger, pid: process.pid });
  const hadTerminal = hasTerminal();
  // The end of a terminal is a SIGHUP too, and ends what was started there.
  const isReload = (): boolean => (config.path !== undefined || manager.isThere) && !(hadTerminal && !hasTerminal());
  context.ignoreHangUp(isReload);
  let reloading: Promise<void> = Promise.resolve();
  return {
    manager,
    onHangUp: () => {
      if (!isReload()) return false;
      reloading = reloading.then(() => reload(options, manager));
      return true;
    },
  };
}

async function reload<Options extends { readonly logLevel?: LogLevel }>(
  { config, context, logger, live, apply }: ServiceRunOptions<Options>,
  manager: ServiceManager,
): Promise<void> {
  manager.reloading();
  const { path } = config;
  try {
    const { options, changed, sinceStart } = await config.reload();
    const isLive = (key: string): boolean => key === "log-level" || live.includes(key);
    apply(options);
    logger.setLevel(options.logLevel ?? usualLevel(context.terminal));
    logger.info(path === undefined ? "there is no config file to read again" : "the config file was read again", {
      ...(path !== undefined && { path }),
      changed: changed.filter(isLive),
    });
    const later = sinceStart.filter((key) => !isLive(key));
    if (later.length > 0) logger.warn("these settings count from the next start on: restart it", { keys: later });
  } catch (thrown) {
    logger.error("the settings stay as they were", { err: MpoError.from(thrown) });
  }
  manager.reloaded();
}

/** How often the status is looked at. */
const STATUS_MS = 5_000;
/** An agent that is not up by then may wait for somebody, for days; systemd would start it again after minutes. */
const PATIENCE_MS = 60_000;

interface Reporting extends Stop {
  readonly clock: Clock;
  /** What the command is at; undefined: it is not up yet. */
  readonly status: () => string | undefined;
  /** It counts as ready when it is not up after a minute, with these words. Absent: it does not. */
  readonly late?: string;
}

/** Says to the service manager when a command is up, what it is at, and when it stops; until it is disposed of. */
export function reportTo(manager: ServiceManager, reporting: Reporting): AsyncDisposable {
  if (!manager.isThere) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const ends = new AbortController();
  const running = Promise.all([report(manager, reporting, ends.signal), manager.run(ends.signal)]);
  const stopping = onAbort(reporting.signal, () => manager.stopping());
  return {
    [Symbol.asyncDispose]: async () => {
      stopping[Symbol.dispose]();
      ends.abort();
      await running;
    },
  };
}

async function report(
  manager: ServiceManager,
  { clock, status, late, signal: stopping }: Reporting,
  signal: AbortSignal,
): Promise<void> {
  const beganMs = clock.monotonicMs();
  while (!signal.aborted) {
    // It may take its time to stop, which systemd counts itself.
    if (stopping.aborted) return;
    const text = status();
    const isLate = clock.monotonicMs() - beganMs > PATIENCE_MS;
    if (text !== undefined) {
      if (manager.isReady) manager.status(text);
      else manager.ready(text);
    } else {
      // Nothing turns yet: as long as this does, the process is in order.
      manager.turned(STATUS_MS);
      if (isLate && late !== undefined && !manager.isReady) manager.ready(late);
    }
    await clock.sleep(text === undefined ? FIRST_MS : STATUS_MS, { signal }).catch(() => undefined);
  }
}

/** While it comes up. */
const FIRST_MS = 200;

/** An environment for children, which are not the service. */
export function withoutManager(environment: Files["environment"]): Files["environment"] {
  const hidden: readonly string[] = NOTIFY_VARIABLES;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !hidden.includes(name)));
}

/** Whether this process belongs to a terminal that is there. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
