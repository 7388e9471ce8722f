import { MpoError } from "@mpo/core";
import { abortError, type Clock, linkSignals, onAbort, systemClock, withDeadline } from "@mpo/io";
import { EXIT_CODES, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import type { Logger } from "./logger.ts";

/** A part of a process with a beginning and an end. */
export interface Service {
  readonly name: string;
  /** Resolves when the service is ready. Must end early, by throwing, when the signal aborts. */
  start(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Ends what `start` began. The signal aborts when the time to drain is over. */
  stop(options: { readonly signal: AbortSignal }): Promise<void>;
  /** Asked once it has started: settles when it ends on its own; a rejection stops the process. Undefined: never. */
  readonly ended?: () => Promise<void> | undefined;
}

/** Ctrl-C, what ends a service, a terminal or SSH session that was closed, and what else would end a process at once. */
export const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGUSR2"] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

/** The part of `process` that a lifecycle needs. */
export interface ProcessPort {
  on(signal: StopSignal, listener: () => void): unknown;
  off(signal: StopSignal, listener: () => void): unknown;
  exit(code: number): void;
}

export interface LifecycleOptions {
  readonly process: ProcessPort;
  readonly logger: Logger;
  /** How long all services together may take to stop, milliseconds. Default 10 s. */
  readonly drainMs?: number;
  /** Default: the system's clock. */
  readonly clock?: Clock;
  /** Stops the services as a signal of the system would. */
  readonly signal?: AbortSignal | undefined;
  /** Called at SIGHUP; true: it has been seen to, and nothing stops. Default: it stops the services. */
  readonly onHangUp?: (() => boolean) | undefined;
  /** Takes what ended the services; default: it is logged. */
  readonly onFailure?: ((thrown: unknown) => void) | undefined;
}

/**
 * Starts services in order, waits for a stop signal, the signal, or the end of a service, and stops them in reverse.
 * Returns the exit code: 0 after SIGTERM, SIGHUP and their like, or when a service ended well, 130 after SIGINT or the
 * signal, else the code of the first error. A second stop signal exits at once, except SIGHUP: a closing terminal may send
 * it with another. So does a drain that takes too long, naming the services that hang.
 */
export async function runServices(services: readonly Service[], options: LifecycleOptions): Promise<ExitCode> {
  const { process, logger, clock = systemClock, drainMs = 10_000 } = options;
  using stop = linkSignals(options.signal);
  let code: ExitCode = EXIT_CODES.ok;
  let isSecond = false;
  const onSignal = (name: StopSignal): void => {
    if (name === "SIGHUP" && !isSecond && options.onHangUp?.() === true) return;
    if (isSecond) {
      if (name === "SIGHUP") return;
      logger.warn("second signal: exiting at once", { signal: name });
      process.exit(EXIT_CODES.cancelled);
      return;
    }
    isSecond = true;
    // What failed has its code, and is stopping: whoever saw it fail may send the first signal only now.
    if (stop.signal.aborted) return;
    logger.info("stopping", { signal: name });
    code = name === "SIGINT" ? EXIT_CODES.cancelled : EXIT_CODES.ok;
    stop.abort();
  };
  const listeners = STOP_SIGNALS.map((name) => [name, () => onSignal(name)] as const);
  for (const [name, listener] of listeners) process.on(name, listener);
  const started: Service[] = [];
  try {
    try {
      for (const service of services) {
        if (stop.signal.aborted) break;
        started.push(service);
        await service.start({ signal: stop.signal });
        // It may fail while others still start: `firstEnd` sees it afterwards, and until then it is not unhandled.
        service.ended?.()?.catch(() => undefined);
        logger.debug("started", { service: service.name });
      }
      await firstEnd(started, stop.signal);
      if (options.signal?.aborted) code = exitCodeOf(abortError(options.signal));
    } catch (thrown) {
      if (!stop.signal.aborted) {
        code = exitCodeOf(thrown);
        if (options.onFailure === undefined) logger.error("a service failed", { err: thrown });
        else options.onFailure(thrown);
        stop.abort();
      }
    }
    const stopped = await drain(started, { logger, clock, drainMs });
    if (stopped !== EXIT_CODES.ok) code = stopped;
    return code;
  } catch (thrown) {
    logger.error("not everything stopped in time: exiting", { err: thrown });
    process.exit(EXIT_CODES.internal);
    return EXIT_CODES.internal;
  } finally {
    for (const [name, listener] of listeners) process.off(name, listener);
  }
}

/** Waits until the signal aborts or one service ends; throws what that service threw. */
async function firstEnd(services: readonly Service[], signal: AbortSignal): Promise<void> {
  let resolve = (): void => undefined;
  const aborted = new Promise<void>((onResolve) => {
    resolve = onResolve;
  });
  using _listening = onAbort(signal, resolve);
  const ends = services.flatMap(({ ended }) => ended?.() ?? []);
  await Promise.race([aborted, ...ends]);
}

interface DrainOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly drainMs: number;
}

/** Stops in reverse order. One that fails does not keep the others from stopping; the first failure's code returns. */
async function drain(services: readonly Service[], { logger, clock, drainMs }: DrainOptions): Promise<ExitCode> {
  let code: ExitCode = EXIT_CODES.ok;
  const left = [...services];
  const stopAll = async (signal: AbortSignal): Promise<void> => {
    for (let service = left.at(-1); service !== undefined; service = left.at(-1)) {
      try {
        await service.stop({ signal });
        logger.debug("stopped", { service: service.name });
      } catch (thrown) {
        logger.error("a service did not stop cleanly", { service: service.name, err: thrown });
        if (code === EXIT_CODES.ok) code = exitCodeOf(thrown);
      }
      left.pop();
    }
  };
  // A service that ignores its signal must not hold the process: this waits for the deadline, not for the service.
  await withDeadline("the drain", drainMs, (signal) => Promise.race([stopAll(signal), hangs(signal, left)]), { clock });
  return code;
}

/** Rejects one turn after the abort, so that services which obey their signal still end well. */
function hangs(signal: AbortSignal, left: readonly Service[]): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = (): void => {
      setImmediate(() => {
        const names = left.map(({ name }) => name).join(", ");
        reject(new MpoError("internal", `still running after the time to drain: ${names}`));
      });
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
