import { given, hasCode, MpoError, SECOND_MS } from "@mpo/core";
import { Wakeup } from "@mpo/io";
import {
  asLine,
  compareVersions,
  type DocumentVersion,
  type HeartbeatRequest,
  type HelloResponse,
  PROTOCOL,
  type Resources,
  reportedDigest,
  type ServedModel,
} from "@mpo/protocol";
import { Waits } from "@mpo/runtime";
import type { AgentParts } from "../core/agent-parts.ts";
import type { AgentPorts } from "../core/agent-ports.ts";
import { isRefusal } from "../report/outbox.ts";
import { ownMethods } from "../work/allowances.ts";

const ENROLLED_FILE = "enrolled";
/** Calls in a row that failed, and count as an outage. */
const OUTAGE_FAILURES = 4;
/**
 * The loop itself tries again, and knows how long to wait: a link that repeated each call at once would send a
 * coordinator that is late with its answers a multiple of what it is late with.
 */
const ONCE = { retries: 0 } as const;
/** Waits after failures are meant for a fleet with heartbeats so far apart; a larger one has them further apart. */
const USUAL_HEARTBEAT_SECONDS = 30;
/** Waits after refusals: they are no outage, and end only when a person changes something. */
const FIRST_REFUSED_MS = 5_000;
const LONGEST_REFUSED_MS = 900_000;
/** Who was let in again is back soon. */
const LONGEST_TURNED_AWAY_MS = 300_000;
/** A newer version that a hello did not bring in (refused, or a stale answer) is asked for again after this long. */
const ASK_AGAIN_MS = 900_000;

export interface LinkParts extends AgentParts {
  readonly models: () => Promise<readonly ServedModel[]>;
  /** What is wrong with the device now. */
  readonly conditions: (resources: Resources) => HeartbeatRequest["conditions"];
  /** What the device is busy with. */
  readonly doing: () => HeartbeatRequest["doing"];
  /** Whether the last document could not be taken, and is to be asked for again. */
  readonly hasFailedDocument: () => boolean;
  /** Called with every answer to a hello. */
  readonly onHello: (response: HelloResponse) => Promise<void>;
}

/** Keeps an agent known to its coordinator: enrols once, says hello on every (re)connection, then heartbeats. */
export class LinkLoop {
  readonly #parts: LinkParts;
  readonly #wakeup: Wakeup;
  readonly #waits: Waits;
  #isOnline = false;
  #needsHello = true;
  #isDoubled = false;
  /** Models as the last hello named them. */
  #named: string | undefined;
  #asked: { readonly version: DocumentVersion; readonly atMs: number } | undefined;
  #failures = 0;
  #heartbeatSeconds = USUAL_HEARTBEAT_SECONDS;

  constructor(parts: LinkParts) {
    const { ports, settings } = parts;
    this.#parts = parts;
    this.#wakeup = new Wakeup(ports.clock);
    this.#waits = new Waits({ ...settings.linkRetry, random: ports.random });
  }

  /** Whether the last call was answered. */
  get isOnline(): boolean {
    return this.#isOnline;
  }

  /** Whether another machine has this device's name, and is the one that is configured. */
  get isDoubled(): boolean {
    return this.#isDoubled;
  }

  /** Calls that failed since the last that did not. */
  get failures(): number {
    return this.#failures;
  }

  /** Says hello now: the coordinator does not know the device, or something of it has changed. */
  sayHello(): void {
    this.#needsHello = true;
    this.#wakeup.wake();
  }

  /** Sends a heartbeat now: what the device is busy with has changed. After a failure, the waits hold. */
  beat(): void {
    if (this.#isOnline) this.#wakeup.wake();
  }

  /** Says hello when other models are served than the coordinator knows of: what is measured of them is then of use at once. */
  modelsAre(models: readonly ServedModel[]): void {
    if (this.#named !== undefined && this.#named !== JSON.stringify(models)) this.sayHello();
  }

  /** Runs until the signal aborts. Whatever a coordinator answers, this continues: its trouble is not the device's. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs: number;
      try {
        waitMs = await this.#exchange(signal);
        this.#isOnline = true;
        if (this.#failures > 0) this.#parts.ports.logger.info("the coordinator answers again");
        this.#failures = 0;
        this.#waits.succeeded();
      } catch (thrown) {
        if (signal.aborted) return;
        waitMs = await this.#failed(MpoError.from(thrown));
      }
      await this.#wakeup.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  /** One call of each that is due; returns how long to wait for the next. */
  async #exchange(signal: AbortSignal): Promise<number> {
    const { ports, settings, time } = this.#parts;
    if ((await ports.disk.read(ENROLLED_FILE)) === undefined) {
      const retryMs = await this.#enroll(signal);
      if (retryMs !== undefined) return retryMs;
    }
    const { identity } = settings;
    const models = await this.#parts.models();
    if (this.#needsHello || JSON.stringify(models) !== this.#named) return this.#hello(signal);
    const appliedVersion = this.#parts.store.document?.version;
    const profiles = await this.#parts.reported.of(models);
    const digest =
      this.#parts.outbox.waiting.length === 0 ? reportedDigest({ models, profiles, appliedVersion }) : undefined;
    const resources = await wholeResources(ports);
    const answer = await ports.link.heartbeat(
      {
        identity,
        resources,
        conditions: this.#parts.conditions(resources),
        ...given({ appliedVersion, reportedDigest: digest, doing: this.#parts.doing() }),
      },
      { signal, ...ONCE },
    );
    await time.heard(answer.serverTimeMs);
    const wasDoubled = this.#isDoubled;
    if (this.#noteDouble(answer.doubledBy)) return this.#jittered(answer.heartbeatSeconds);
    if (wasDoubled || answer.needsHello || this.#isNews(answer.desiredVersion)) return this.#hello(signal);
    return this.#jittered(answer.heartbeatSeconds);
  }

  async #enroll(signal: AbortSignal): Promise<number | undefined> {
    const { ports, settings, inventory } = this.#parts;
    const { identity, labels } = settings;
    const answer = await ports.link.enroll({ identity, inventory, labels }, { signal, ...ONCE });
    if (answer.state === "pending") {
      ports.logger.info("the coordinator has not accepted this device yet");
      return Math.max(1, answer.retryAfterSeconds) * SECOND_MS;
    }
    await ports.disk.write(ENROLLED_FILE, Buffer.from("1"));
    return undefined;
  }

  /** `withDocument`: the coordinator has asked for the one in use. */
  async #hello(signal: AbortSignal, withDocument: boolean = false): Promise<number> {
    const { ports, settings, store, time, inventory, limits, models, onHello } = this.#parts;
    const { identity, labels } = settings;
    const { floor, document } = store;
    this.#needsHello = false;
    try {
      const served = await models();
      const answer = await ports.link.hello(
        {
          identity,
          inventory: { ...inventory, ...given({ ownerLimits: asLine(limits.limits.words) || undefined }) },
          resources: await wholeResources(ports),
          labels,
          models: served,
          protocol: PROTOCOL,
          methods: ownMethods(this.#parts),
          profiles: await this.#parts.reported.of(served),
          ...(floor === undefined ? {} : { versionFloor: { epoch: floor.epoch, version: floor.version } }),
          ...given({ appliedVersion: document?.version, doing: this.#parts.doing() }),
          ...given({ applied: withDocument ? store.envelope : undefined }),
        },
        { signal, ...ONCE },
      );
      if (answer.needsDocument === true && !withDocument) return await this.#hello(signal, true);
      this.#named = JSON.stringify(served);
      await time.heard(answer.serverTimeMs);
      if (this.#noteDouble(answer.doubledBy)) return this.#jittered(answer.heartbeatSeconds);
      if (answer.desiredVersion !== undefined) {
        this.#asked = { version: answer.desiredVersion, atMs: ports.clock.monotonicMs() };
      }
      await onHello(answer);
      return this.#jittered(answer.heartbeatSeconds);
    } catch (thrown) {
      this.#needsHello = true;
      throw thrown;
    }
  }

  /** Logs when another machine turns out to have this name, and when it is gone; returns whether it has. */
  #noteDouble(doubledBy: string | undefined): boolean {
    const { logger } = this.#parts.ports;
    const wasDoubled = this.#isDoubled;
    this.#isDoubled = doubledBy !== undefined;
    if (this.#isDoubled && !wasDoubled) {
      logger.warn("another machine runs as this device: this one gets no configurations, its reports are kept apart", {
        other: doubledBy,
        hint: "This one is parked until a person decides (mpo devices decide). Or give it another name with --device NAME, and an empty --data folder if its disk is a copy.",
      });
    } else if (wasDoubled && !this.#isDoubled) logger.info("this machine is the device again");
    return this.#isDoubled;
  }

  /** Whether the coordinator has a document that the device has not, and has not just been given. */
  #isNews(desired: DocumentVersion | undefined): boolean {
    const { store, ports } = this.#parts;
    const known = store.document?.version;
    if (desired === undefined || (known !== undefined && compareVersions(desired, known) === 0)) return false;
    if (this.#parts.hasFailedDocument()) return true;
    if (this.#asked === undefined || compareVersions(this.#asked.version, desired) !== 0) return true;
    return ports.clock.monotonicMs() - this.#asked.atMs > ASK_AGAIN_MS;
  }

  async #failed(error: MpoError): Promise<number> {
    const { settings, ports } = this.#parts;
    const { logger, disk } = ports;
    this.#isOnline = false;
    this.#failures += 1;
    // After an outage there may be another coordinator, elsewhere: introduce oneself again. One lost heartbeat is none, and
    // a coordinator that has forgotten the device says so.
    if (this.#failures >= OUTAGE_FAILURES || error.code === "not-found") this.#needsHello = true;
    if (error.code === "not-found") await disk.remove(ENROLLED_FILE).catch(() => undefined);
    // A coordinator that has asked so many devices to be patient cannot hear all of them at once after an outage.
    const longestMs = Math.max(settings.linkRetry.capMs, this.#heartbeatSeconds * SECOND_MS);
    const pace = Math.max(1, this.#heartbeatSeconds / USUAL_HEARTBEAT_SECONDS);
    const waitMs = Math.min(longestMs, this.#waits.next() * pace);
    const isTurnedAway = hasCode(error, "unauthenticated", "permission-denied");
    if (isTurnedAway || isRefusal(error)) {
      const longestRefusedMs = isTurnedAway ? LONGEST_TURNED_AWAY_MS : LONGEST_REFUSED_MS;
      const refusedMs = Math.min(longestRefusedMs, FIRST_REFUSED_MS * 2 ** (this.#failures - 1));
      logger.error("the coordinator refuses this device", { reason: error.message, waitMs: refusedMs });
      return refusedMs;
    }
    logger.warn("the coordinator could not be reached", { err: error, waitMs: Math.round(waitMs) });
    return waitMs;
  }

  #jittered(heartbeatSeconds: number): number {
    this.#heartbeatSeconds = heartbeatSeconds;
    return heartbeatSeconds * SECOND_MS * (0.9 + 0.2 * this.#parts.ports.random());
  }
}

/** As the wire takes them: sizes are whole. */
async function wholeResources({ monitor }: AgentPorts): Promise<Resources> {
  const resources = await monitor.resources();
  return {
    ...resources,
    memoryAvailableBytes: Math.max(0, Math.floor(resources.memoryAvailableBytes)),
    diskFreeBytes: Math.max(0, Math.floor(resources.diskFreeBytes)),
  };
}
