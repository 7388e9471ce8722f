import { once } from "node:events";
import { resolve } from "node:path";
import { MpoError } from "@mpo/core";
import { type Clock, makeFolder, systemClock, throwIfAborted } from "@mpo/io";
import { backOffSchedule, claimFolder, type Logger, silentLogger } from "@mpo/runtime";
import { type EmbeddedRecord, findLeftServer, removeRecord, writeRecord } from "./embedded-record.ts";
import {
  addressOf,
  type LaunchOptions,
  launchServer,
  type RunningServer,
  type ServerAddress,
} from "./launch-server.ts";
import type { NatsBinary } from "./nats-binary.ts";
import { endProcess, isStill, rereadConfiguration } from "./process-identity.ts";
import { readServerFacts, requireVersion, type ServerFacts } from "./server-checks.ts";
import { type Access, accountFor, writePair } from "./server-config.ts";
import { readStreamFolders, requireSameFolders } from "./stream-folders.ts";

export interface EmbeddedServerOptions extends Access {
  readonly binary: NatsBinary;
  /** Private folder of the server: store, configuration, log. Made if it is missing. */
  readonly folder: string;
  /** Address to listen on. Default 127.0.0.1; the caller answers for any other. */
  readonly host?: string | undefined;
  /** 0 (default): a free one. */
  readonly port?: number | undefined;
  /** How long it may take until it answers; large stores take their time. Default 60 s. */
  readonly startTimeoutMs?: number;
  /** How long it may take to end before it is killed, which loses nothing that it has acknowledged. Default 5 s. */
  readonly stopTimeoutMs?: number;
  readonly logger?: Logger;
  /** Default: the system's clock. */
  readonly clock?: Clock;
  /** From 0 up to 1: jitter. Default: `Math.random`. */
  readonly random?: () => number;
  readonly signal?: AbortSignal;
}

/** A server that ran this long and then ended has not failed to start. */
const GOOD_RUN_MS = 30_000;
const CLAIM_HINT =
  "One coordinator per folder: stop the other, choose another folder, or connect to its server with --nats URL.";
const RESTARTS = 5;
/** A server that is not our child does not notify us when it ends. */
const ADOPTED_POLL_MS = 500;

/**
 * A `nats-server` of our own on one box: file store in a private folder, loopback, every write on disk before it is
 * acknowledged. It is started again when it dies. Node cannot tie a child's life to its parent's, so a kill -9 of this
 * process leaves the server running: the next start takes it over, or ends it when it does not fit.
 */
export class EmbeddedNatsServer {
  /** Rejects when the server died and could not be started again; resolves after `stop`. */
  readonly ended: Promise<void>;
  readonly #launch: LaunchOptions;
  readonly #claim: AsyncDisposable;
  readonly #random: () => number;
  readonly #stops = new AbortController();
  readonly #offChange: () => void;
  #running: RunningServer;
  #streams: ReadonlyMap<string, number> = new Map();

  private constructor(
    launch: LaunchOptions,
    claim: AsyncDisposable,
    running: RunningServer,
    options: EmbeddedServerOptions,
  ) {
    this.#launch = launch;
    this.#claim = claim;
    this.#running = running;
    this.#random = options.random ?? Math.random;
    this.#offChange = launch.identities?.tls.onChange(() => void this.#renewCertificate()) ?? (() => undefined);
    this.ended = this.#supervise();
    this.ended.catch(() => undefined);
  }

  /**
   * Starts the server, or takes over one that a crash left. Throws `already-exists` when another process has the folder,
   * `unavailable` with the server's last words when it does not come up.
   */
  static async start(options: EmbeddedServerOptions): Promise<EmbeddedNatsServer> {
    const { binary, host = "127.0.0.1", port = 0, startTimeoutMs = 60_000, stopTimeoutMs = 5_000, signal } = options;
    requireVersion(binary.version, binary.path);
    const folder = resolve(options.folder);
    throwIfAborted(signal);
    await makeFolder(folder, { mode: 0o700 });
    const claim = await claimFolder(folder, { hint: CLAIM_HINT });
    const clock = options.clock ?? systemClock;
    const { identities, isSealed, logger = silentLogger } = options;
    const times = { startTimeoutMs, stopTimeoutMs, clock };
    const launch: LaunchOptions = { binary, folder, host, port, identities, isSealed, logger, ...times };
    const withSignal = { ...launch, signal };
    try {
      const left = await findLeftServer(folder);
      const adopted = left === undefined ? undefined : await takeOver(withSignal, left);
      return new EmbeddedNatsServer(launch, claim, adopted ?? (await launchServer(withSignal)), options);
    } catch (thrown) {
      await claim[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Where it listens. Stays the same over restarts. */
  get address(): ServerAddress {
    return this.#running.address;
  }

  get pid(): number {
    return this.#running.identity.pid;
  }

  /** Whether it was running already, left by a crash. */
  get wasAdopted(): boolean {
    return this.#running.child === undefined;
  }

  /** What it says about itself. */
  facts(options: { readonly signal?: AbortSignal } = {}): Promise<ServerFacts> {
    return readServerFacts(this.address.monitorUrl, options);
  }

  /** Throws `unavailable` when the folders of its streams were removed or replaced since the last call. */
  async requireStreams(): Promise<void> {
    const now = await readStreamFolders(this.#launch.folder);
    requireSameFolders(this.#launch.folder, this.#streams, now);
    this.#streams = now;
  }

  /** Ends it, at first politely, and gives the folder back. */
  async stop(): Promise<void> {
    this.#stops.abort();
    this.#offChange();
    // A restart that is under way may still put another server in its place: it is over first.
    await this.ended.catch(() => undefined);
    await endProcess(this.#running.identity, { timeoutMs: this.#launch.stopTimeoutMs, clock: this.#launch.clock });
    await removeRecord(this.#launch.folder);
    await this.#claim[Symbol.asyncDispose]();
  }

  async #supervise(): Promise<void> {
    const { clock } = this.#launch;
    const { signal } = this.#stops;
    for (;;) {
      const startedMs = clock.monotonicMs();
      await this.#untilEnd();
      if (signal.aborted) return;
      this.#launch.logger.error("nats-server ended by itself; starting it again", { pid: this.pid });
      const ranWell = clock.monotonicMs() - startedMs >= GOOD_RUN_MS;
      if (!ranWell) await clock.sleep(this.#random() * 1000, { signal }).catch(() => undefined);
      if (!(await this.#restart())) return;
    }
  }

  /** Returns false when stopped meanwhile. Throws when it does not start again and again. */
  async #restart(): Promise<boolean> {
    const { clock } = this.#launch;
    const { signal } = this.#stops;
    // Clients know the old port.
    const port = Number(new URL(this.address.url).port);
    const waits = backOffSchedule({ baseMs: 200, capMs: 5000, waits: RESTARTS, random: this.#random });
    while (!signal.aborted) {
      try {
        this.#running = await launchServer({ ...this.#launch, port, signal });
        // It may have changed while the server started.
        await this.#renewCertificate();
        return true;
      } catch (thrown) {
        if (signal.aborted) return false;
        const wait = waits.next();
        if (wait.done === true) throw thrown;
        this.#launch.logger.error("nats-server does not start", { err: thrown, waitMs: wait.value });
        await clock.sleep(wait.value, { signal }).catch(() => undefined);
      }
    }
    return false;
  }

  /** Connections stay: the certificate is for those to come. */
  async #renewCertificate(): Promise<void> {
    const { folder, identities, logger } = this.#launch;
    if (identities === undefined) return;
    try {
      await writePair(folder, identities.tls);
      await rereadConfiguration(this.#running.identity);
    } catch (err) {
      logger.error("nats-server keeps its old certificate", { err });
    }
  }

  async #untilEnd(): Promise<void> {
    const { child, identity } = this.#running;
    const { signal } = this.#stops;
    if (child !== undefined) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      // An unreferenced child keeps no event loop alive: the code that stops the server must not wait for this event.
      await once(child, "exit", { signal }).catch(() => undefined);
      return;
    }
    while (!signal.aborted && (await isStill(identity))) {
      await this.#launch.clock.sleep(ADOPTED_POLL_MS, { signal }).catch(() => undefined);
    }
  }
}

/** Takes over a server that fits; ends one that does not, and returns undefined. */
async function takeOver(
  options: LaunchOptions,
  { server, serverName, account }: EmbeddedRecord,
): Promise<RunningServer | undefined> {
  const { folder, binary, host, port, identities, logger, stopTimeoutMs, clock, signal } = options;
  try {
    const address = await addressOf(folder, server.pid);
    const facts = await readServerFacts(address.monitorUrl, { signal });
    const wanted = await accountFor(options);
    const misfits = [
      facts.version === binary.version ? "" : `version ${facts.version}`,
      facts.syncsAlways ? "" : "does not sync",
      facts.host === host && (port === 0 || facts.port === port) ? "" : `listens on ${facts.host}:${facts.port}`,
      facts.asksWho === (identities !== undefined) ? "" : `asks ${facts.asksWho ? "" : "nobody "}who connects`,
      facts.systemAccount === (identities?.claims().system.id ?? "$SYS") ? "" : "trusts another operator",
      account === "" || account === wanted ? "" : `serves account ${account}`,
      serverName === "" || facts.serverName === serverName ? "" : `name ${facts.serverName}`,
    ].filter((each) => each !== "");
    if (misfits.length > 0) throw new MpoError("precondition-failed", misfits.join(", "));
    await writeRecord(folder, { serverName: facts.serverName, account: wanted, server });
    if (identities !== undefined) {
      await writePair(folder, identities.tls);
      await rereadConfiguration(server);
    }
    logger.info("took over a nats-server left by a crash", { pid: server.pid, url: address.url });
    return { identity: server, address };
  } catch (thrown) {
    throwIfAborted(signal);
    logger.warn("stopping a nats-server left by a crash: its settings do not fit", { pid: server.pid, err: thrown });
    await endProcess(server, { timeoutMs: stopTimeoutMs, clock });
    await removeRecord(folder);
    return undefined;
  }
}
