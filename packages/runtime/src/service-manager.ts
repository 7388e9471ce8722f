import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Clock, systemClock } from "@mpo/io";
import type { Logger } from "./logger.ts";

/** By which a process finds its service manager; its children must not. */
export const NOTIFY_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

/** Hands assignments such as `READY=1` to systemd. */
export type Notify = (assignments: readonly string[]) => Promise<void>;

export interface ServiceManagerOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** Of this process: systemd's watchdog may be for another one. */
  readonly pid: number;
  /** Default: systemd-notify, since Node has no datagram sockets of Unix. */
  readonly notify?: Notify;
  /** Default: the system's clock. */
  readonly clock?: Clock;
}

/** Of a watchdog's time: a ping is lost without harm, and one that is late is still in time. */
const PINGS = 4;
/** A broken systemd-notify must not hold up what comes after. */
const NOTIFY_MS = 10_000;

/**
 * What a service manager (systemd) is to hear of this process: that it is ready, what it is at, that its work goes on
 * (sd_notify(3)). Where none listens, all this does nothing.
 */
export class ServiceManager {
  /** Whether one listens. */
  readonly isThere: boolean;
  /** It ends the process when it hears nothing for so long, milliseconds. */
  readonly watchdogMs: number | undefined;
  readonly #notify: Notify;
  readonly #logger: Logger;
  readonly #clock: Clock;
  #sending: Promise<void> = Promise.resolve();
  #status = "";
  #isReady = false;
  #goodUntilMs = Number.NEGATIVE_INFINITY;
  #isStuck = false;
  #hasFailed = false;

  constructor({
    environment,
    logger,
    pid,
    clock = systemClock,
    notify = systemdNotify(environment),
  }: ServiceManagerOptions) {
    const { NOTIFY_SOCKET: socket = "", WATCHDOG_USEC: usec = "", WATCHDOG_PID: watched = String(pid) } = environment;
    this.isThere = socket !== "";
    const watchdogMs = Number(usec) / 1000;
    this.watchdogMs = this.isThere && watched === String(pid) && watchdogMs > 0 ? watchdogMs : undefined;
    this.#notify = notify;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** It does what it is there for. */
  ready(status: string): void {
    this.#isReady = true;
    this.#send("READY=1", this.#statusLine(status));
  }

  /** What it is at, in a line. */
  status(text: string): void {
    if (text !== this.#status) this.#send(this.#statusLine(text));
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** It reads its settings again, until `reloaded`. */
  reloading(): void {
    if (this.#isReady)
      this.#send("RELOADING=1", `MONOTONIC_USEC=${Math.round(Number(process.hrtime.bigint() / 1000n))}`);
  }

  reloaded(): void {
    if (this.#isReady) this.#send("READY=1");
  }

  stopping(): void {
    this.#send("STOPPING=1", this.#statusLine("stopping"));
  }

  /** The work has made a turn, and makes the next within so long. */
  turned(nextWithinMs: number): void {
    this.#goodUntilMs = this.#clock.monotonicMs() + nextWithinMs + (this.watchdogMs ?? 0) / 2;
  }

  ping(): void {
    if (this.watchdogMs !== undefined) this.#send("WATCHDOG=1");
  }

  /** Pings the watchdog as long as the work makes its turns. Runs until the signal aborts; then all is sent. */
  async run(signal: AbortSignal): Promise<void> {
    const { watchdogMs } = this;
    while (watchdogMs !== undefined && !signal.aborted) {
      if (this.#clock.monotonicMs() <= this.#goodUntilMs) {
        this.#isStuck = false;
        this.ping();
      } else if (!this.#isStuck) {
        this.#isStuck = true;
        this.#logger.error("the work stands still: the service manager is not pinged any more, and will restart it");
      }
      await this.#clock.sleep(watchdogMs / PINGS, { signal }).catch(() => undefined);
    }
    await this.#sending;
  }

  /** Resolves when all that was said has been handed over. */
  async sent(): Promise<void> {
    await this.#sending;
  }

  #statusLine(text: string): string {
    this.#status = text;
    return `STATUS=${text.replaceAll(/\s+/gu, " ")}`;
  }

  #send(...assignments: readonly string[]): void {
    if (!this.isThere) return;
    this.#sending = this.#sending.then(async () => {
      try {
        await this.#notify(assignments);
      } catch (err) {
        if (!this.#hasFailed) this.#logger.error("the service manager cannot be notified", { err });
        this.#hasFailed = true;
      }
    });
  }
}

/** Through systemd's own program, which waits until systemd has read it. */
function systemdNotify({ NOTIFY_SOCKET, PATH }: ServiceManagerOptions["environment"]): Notify {
  const run = promisify(execFile);
  return async (assignments) => {
    await run("systemd-notify", [...assignments], { env: { NOTIFY_SOCKET, PATH }, timeout: NOTIFY_MS });
  };
}
