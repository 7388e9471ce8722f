import type { FleetLink } from "@mpo/agent";
import { helloOf, reportOf } from "@mpo/coordinator/testing";
import { hasCode, MpoError, type Prediction } from "@mpo/core";
import { type Clock, linkSignals } from "@mpo/io";
import {
  compareVersions,
  type DesiredDocument,
  type DeviceIdentity,
  type DocumentStatus,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
  type ReportedStatus,
  type ReportStatusRequest,
  type WindowResult,
} from "@mpo/protocol";

/** What a device does with a document of a rollout. */
export const BEHAVIOURS = ["good", "over-memory", "too-slow", "accuracy-down", "refuses"] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

export interface LightDeviceOptions {
  readonly identity: DeviceIdentity;
  readonly site: string;
  readonly behaviour: Behaviour;
  /** Of its processor, against the others'. */
  readonly speed: number;
  /** Of what its steps take, against the others'. */
  readonly memoryFactor: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly link: Pick<FleetLink, "hello" | "heartbeat" | "reportProfile" | "reportStatus">;
  /** The envelope that lies in NATS for it, which may be an older one. */
  readonly read: (signal: AbortSignal) => Promise<Uint8Array | undefined>;
  /** A coordinator has said that it has stored a report. */
  readonly onAcknowledged: (request: ReportStatusRequest) => void;
}

interface Work {
  readonly dueMs: number;
  readonly end: () => void;
}

const RETRY_MS = 3_000;
/** A check is a worker that starts, and a few steps. */
const CHECK_START_MS = 3_500;
const CHECK_STEPS = 4;
/** A request of a rollout that changes something, and does not give it back. */
const IS_CHANGE = /^rollout [^/]+\/\d/u;
/** From a document until a window under it, where nobody waits for that. */
const WINDOW_MS = 20_000;

/**
 * A device that only speaks as one: it says hello, reports a profile once, sends heartbeats, takes documents and reports
 * what becomes of them, in the product's messages. Light enough for thousands of them in one process.
 */
export class LightDevice {
  readonly #options: LightDeviceOptions;
  readonly #outbox: ReportStatusRequest[] = [];
  #sequence = 0;
  #isKnown = false;
  #hasReported = false;
  #heartbeatMs = 30_000;
  #heartbeatAtMs = 0;
  #isCalled = true;
  #work: readonly Work[] = [];
  #floor: DesiredDocument | undefined;
  #current: DesiredDocument | undefined;
  #lastGood: DesiredDocument | undefined;
  #isConfirmed = false;
  #wake: () => void = () => undefined;

  constructor(options: LightDeviceOptions) {
    this.#options = options;
  }

  get identity(): DeviceIdentity {
    return this.#options.identity;
  }

  /** Whether it runs by a document that it has found to be good, and has said so. */
  get isSettled(): boolean {
    return this.#isConfirmed && this.#outbox.length === 0;
  }

  /** That it runs by. */
  get document(): DesiredDocument | undefined {
    return this.#current;
  }

  /** Something lies in NATS for it. */
  call(): void {
    this.#isCalled = true;
    this.#wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#turn(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        if (hasCode(MpoError.from(thrown), "not-found")) this.#isKnown = false;
        await clock.sleep(RETRY_MS * (0.5 + random()), { signal }).catch(() => undefined);
      }
    }
  }

  /** Does what is due, or waits until something is. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { clock, link, identity, speed, memoryFactor, random, onAcknowledged } = this.#options;
    if (!this.#isKnown) return await this.#sayHello(signal);
    if (!this.#hasReported) {
      const { profile, ...report } = reportOf(identity.device, "profile", speed);
      const steps = profile.steps.map(({ peakBytes = 0, ...step }) => ({
        ...step,
        peakBytes: peakBytes * memoryFactor,
      }));
      await link.reportProfile({ ...report, identity, profile: { ...profile, steps } }, { signal });
      this.#hasReported = true;
      return;
    }
    const [report] = this.#outbox;
    if (report !== undefined) {
      await link.reportStatus(report, { signal });
      this.#outbox.shift();
      onAcknowledged(report);
      return;
    }
    if (this.#isCalled) {
      this.#isCalled = false;
      await this.#look(signal).catch((thrown: unknown) => {
        this.#isCalled = true;
        throw thrown;
      });
      return;
    }
    const nowMs = clock.monotonicMs();
    if (nowMs >= this.#heartbeatAtMs) {
      const { resources } = helloOf(identity.device);
      const request = { identity, resources, conditions: [], ...this.#applied() };
      const { needsHello, desiredVersion, heartbeatSeconds } = await link.heartbeat(request, { signal });
      this.#heartbeatMs = heartbeatSeconds * 1000;
      this.#heartbeatAtMs = nowMs + this.#heartbeatMs * (0.9 + 0.1 * random());
      if (needsHello) this.#isKnown = false;
      const { version } = this.#floor ?? {};
      this.#isCalled ||= desiredVersion !== undefined && (!version || compareVersions(desiredVersion, version) > 0);
      return;
    }
    const due = this.#work.filter(({ dueMs }) => dueMs <= nowMs);
    this.#work = this.#work.filter((one) => !due.includes(one));
    for (const { end } of due) end();
    if (due.length > 0) return;
    const untilMs = Math.min(this.#heartbeatAtMs, ...this.#work.map(({ dueMs }) => dueMs));
    await this.#wait(untilMs - nowMs, signal);
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    using linked = linkSignals(signal);
    const called = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const slept = this.#options.clock.sleep(ms, { signal: linked.signal });
    slept.catch(() => undefined);
    await Promise.race([slept, called]);
    linked.abort();
  }

  async #sayHello(signal: AbortSignal): Promise<void> {
    const { link, identity, site } = this.#options;
    const { device } = identity;
    const labels = [{ name: "site", value: site }];
    const floor = this.#floor === undefined ? {} : { versionFloor: this.#floor.version };
    const hello = { ...helloOf(device), identity, labels, ...this.#applied(), ...floor };
    const profiles = this.#hasReported ? [{ model: "tiny", measuredAtMs: 1_700_000_000_000 }] : [];
    const { desired, probes, needsStatus, heartbeatSeconds } = await link.hello({ ...hello, profiles }, { signal });
    this.#isKnown = true;
    this.#heartbeatMs = heartbeatSeconds * 1000;
    this.#heartbeatAtMs = this.#options.clock.monotonicMs() + this.#heartbeatMs;
    if (probes.length > 0) this.#hasReported = false;
    if (needsStatus && this.#current !== undefined) this.#say(this.#isConfirmed ? "confirmed" : "applied", "");
    if (desired !== undefined) this.#take(desiredDocumentCodec.fromBytes(desired.document));
  }

  #applied(): Pick<Parameters<FleetLink["heartbeat"]>[0], "appliedVersion"> {
    return this.#current === undefined ? {} : { appliedVersion: this.#current.version };
  }

  async #look(signal: AbortSignal): Promise<void> {
    const bytes = await this.#options.read(signal);
    if (bytes !== undefined) this.#take(desiredDocumentCodec.fromBytes(desiredEnvelopeCodec.fromBytes(bytes).document));
  }

  #take(document: DesiredDocument): void {
    if (this.#floor !== undefined && compareVersions(document.version, this.#floor.version) <= 0) return;
    this.#floor = document;
    if (this.#kindOf(document) === "refuses") {
      this.#report(statusOf(document, "refused", "unknown-method: it is old"));
      return;
    }
    if (this.#isConfirmed) this.#lastGood = this.#current;
    this.#current = document;
    this.#isConfirmed = false;
    this.#work = [];
    this.#say("applied", "");
    const rung = document.rungs[document.chosenRung] as Prediction;
    if (document.check === true) {
      this.#after(CHECK_START_MS + CHECK_STEPS * rung.stepMs.expected, () => this.#check(document, rung));
    } else this.#openWindow(document, rung);
  }

  #check(document: DesiredDocument, rung: Prediction): void {
    const kind = this.#kindOf(document);
    if (kind === "over-memory") {
      this.#report(this.#window(document, rung, { outcome: "over-memory", message: "the cap was hit" }));
      this.#giveUp("the check failed: no rung ran within its memory");
      return;
    }
    const slowdown = kind === "too-slow" ? 3 : 1;
    const stepMs = [slowdown * (kind === "too-slow" ? rung.stepMs.upper : rung.stepMs.expected)];
    this.#report(this.#window(document, rung, { outcome: "checked", stepMs, peakBytes: rung.memoryBytes.expected }));
    if (kind === "too-slow") {
      this.#giveUp("the check failed: a step took longer than its bound");
      return;
    }
    this.#isConfirmed = true;
    this.#say("confirmed", "");
    this.#openWindow(document, rung);
  }

  #openWindow(document: DesiredDocument, rung: Prediction): void {
    const kind = this.#kindOf(document);
    const isLong = document.check !== true && IS_CHANGE.test(document.request);
    const ms = isLong ? rung.overheadMs + rung.trainingMs : WINDOW_MS;
    this.#after(ms, () => {
      if (kind === "over-memory" || kind === "too-slow") {
        this.#report(this.#window(document, rung, { outcome: "over-memory", message: "the cap was hit" }));
        this.#giveUp("no rung could be run");
        return;
      }
      const accuracyAfter = kind === "accuracy-down" ? 0.4 : 0.6;
      const outcome = kind === "accuracy-down" ? "kept-old" : "replaced";
      const seen = { stepMs: [rung.stepMs.expected], peakBytes: rung.memoryBytes.expected };
      this.#report(this.#window(document, rung, { outcome, ...seen, accuracyBefore: 0.5, accuracyAfter }));
      if (this.#isConfirmed) return;
      this.#isConfirmed = true;
      this.#say("confirmed", "");
    });
  }

  /** A document of a rollout shows what is wrong with the device; others it runs well. */
  #kindOf({ request }: DesiredDocument): Behaviour {
    return IS_CHANGE.test(request) ? this.#options.behaviour : "good";
  }

  #giveUp(message: string): void {
    if (this.#current !== undefined) this.#report(statusOf(this.#current, "failed", message));
    this.#current = this.#lastGood;
    this.#isConfirmed = this.#current !== undefined;
    if (this.#current !== undefined) this.#say("confirmed", "");
  }

  #say(state: DocumentStatus["state"], message: string): void {
    if (this.#current !== undefined) this.#report(statusOf(this.#current, state, message));
  }

  #after(ms: number, end: () => void): void {
    const { clock, random } = this.#options;
    this.#work = [...this.#work, { dueMs: clock.monotonicMs() + ms * (0.9 + 0.2 * random()), end }];
  }

  #window({ model, version }: DesiredDocument, rung: Prediction, seen: Partial<WindowResult>): ReportedStatus {
    const common = { model, rung, document: version, openedAtMs: this.#nowMs(), durationMs: 1_000, steps: 4 };
    const window = {
      ...common,
      window: `w-${this.#sequence + 1}`,
      stepMs: [],
      message: "",
      outcome: "checked" as const,
    };
    return { kind: "window", window: { ...window, ...seen } };
  }

  #report(status: ReportedStatus): void {
    const sequence = ++this.#sequence;
    const { identity } = this.#options;
    this.#outbox.push({ identity, report: `status-${sequence}`, sequence, reportedAtMs: this.#nowMs(), status });
  }

  #nowMs(): number {
    return this.#options.clock.now();
  }
}

function statusOf({ version }: DesiredDocument, state: DocumentStatus["state"], message: string): ReportedStatus {
  return { kind: "document", document: { version, state, message } };
}
