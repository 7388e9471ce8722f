import { createHash } from "node:crypto";
import { progressPartForm, type RolloutRecord, rolloutForm } from "@mpo/coordinator/testing";
import { type DeviceProgress, formatVersion, parseRolloutSpec } from "@mpo/core";
import {
  compareVersions,
  type DesiredDocument,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
  type ReportStatusRequest,
} from "@mpo/protocol";
import { BUCKETS } from "@mpo/transport";
import { isSame, miscount, noteJudgement, noteSaid, type SeenRollout } from "./seen-rollout.ts";

/** `dest` of a stored key, `KEY` of `$KV.BUCKET.KEY`. */
const SUBJECT = /^\$KV\.([^.]+)\.(.+)$/u;
const REQUEST = /^rollout ([^/]+)\/(back-)?(\d+)#(.+)$/u;
const DISRUPTED = ["in-progress", "rolling-back"];

const CORRECTED_MS = 15_000;

/** A document that a device was given by a rollout: "give 1", "back 1". */
interface Gift {
  readonly what: string;
  readonly atMs: number;
}

export interface RolloutHistoryParts {
  readonly nowMs: () => number;
  readonly siteOf: (device: string) => string;
  /** Whether a device is cut off: it is no disruption to change it. */
  readonly isAway: (device: string) => boolean;
  /** Whether writes are seen in the order in which they were stored, also those of different buckets. */
  readonly isInOrder: boolean;
}

/** Everything that rollouts store and push, and what must hold of it at each moment. */
export class RolloutHistory {
  readonly #trace = createHash("sha256");
  readonly #problems: string[] = [];
  readonly #rollouts = new Map<string, SeenRollout>();
  readonly #progress = new Map<string, readonly DeviceProgress[]>();
  /** What a device was given by a plan, in order. */
  readonly #given = new Map<string, readonly Gift[]>();
  readonly #documents = new Map<string, DesiredDocument>();
  readonly #newest = new Map<string, DesiredDocument>();
  readonly #parts: RolloutHistoryParts;
  #events = 0;

  constructor(parts: RolloutHistoryParts) {
    this.#parts = parts;
  }

  get problems(): readonly string[] {
    return this.#problems;
  }

  get events(): number {
    return this.#events;
  }

  traceHash(): string {
    return this.#trace.copy().digest("hex");
  }

  fail(problem: string): void {
    if (this.#problems.length < 40) this.#problems.push(`${Math.round(this.#parts.nowMs() / 1000)} s: ${problem}`);
  }

  note(...facts: readonly (string | number)[]): void {
    this.#events++;
    this.#trace.update(`${facts.join(" ")}\n`);
  }

  rollout(name: string): SeenRollout | undefined {
    return [...this.#rollouts.values()].find(({ spec }) => spec.name === name);
  }

  /** Documents that rollouts gave devices, and gave back. */
  get pushes(): number {
    return [...this.#given.values()].reduce((sum, { length }) => sum + length, 0);
  }

  newest(device: string): DesiredDocument | undefined {
    return this.#newest.get(device);
  }

  document(device: string, version: DesiredDocument["version"]): DesiredDocument | undefined {
    return this.#documents.get(`${device} ${formatVersion(version)}`);
  }

  /** What must hold of a rollout that is at rest; `runs`: the document that a device runs by, where that is known. */
  checkAtRest(name: string, runs: (device: string) => DesiredDocument | undefined): void {
    const seen = this.rollout(name);
    if (seen === undefined) {
      this.fail(`there is no rollout ${name}`);
      return;
    }
    const { record, devices } = seen;
    const { phase, waves } = record.state;
    const wrong = miscount(seen);
    if (wrong !== undefined) this.fail(`${name}: ${wrong}`);
    for (const progress of devices.values()) {
      const { device, state, attempts, wave, before, message } = progress;
      const gifts = this.#given.get(`${record.plan} ${device}`) ?? [];
      if (attempts === 0 && gifts.length > 0) this.fail(`${device} was changed without a turn`);
      if (gifts.some(({ atMs }) => atMs < (waves[wave]?.startedAtMs ?? Number.POSITIVE_INFINITY)))
        this.fail(`${device} was changed before wave ${wave + 1} began`);
      if (phase === "completed" && ["pending", "in-progress", "rolling-back"].includes(state))
        this.fail(`${device} is ${state} in a rollout that is over: forgotten`);
      if (phase !== "rolled-back" || attempts === 0 || state === "superseded") continue;
      if (state !== "rolled-back") this.fail(`${device} is ${state} after a roll back (${message})`);
      else if (gifts.at(-1)?.what.startsWith("back") !== true) this.fail(`${device} was not given back what it had`);
      const old = before === undefined ? undefined : this.document(device, before);
      if (old !== undefined && !isSame(old, this.newest(device)))
        this.fail(`${device}: its newest document is not what it ran before`);
      const run = runs(device);
      if (old !== undefined && run !== undefined && !isSame(old, run))
        this.fail(`${device} does not run what it ran before`);
    }
  }

  /** A write was stored. */
  stored({ subject, value }: { readonly subject: string; readonly value: Uint8Array }): void {
    const [, bucket, key = ""] = SUBJECT.exec(subject) ?? [];
    if (value.length === 0) return;
    if (bucket === BUCKETS.rollout) this.#recorded(rolloutForm.fromBytes(value));
    else if (bucket === BUCKETS.rolloutPart && /\.progress-\d+$/u.test(key)) this.#moved(key, value);
    else if (bucket === BUCKETS.desired) {
      const { document } = desiredEnvelopeCodec.fromBytes(value);
      this.#pushed(desiredDocumentCodec.fromBytes(document));
    }
  }

  #recorded(record: RolloutRecord): void {
    const { state, plan, counts, devices } = record;
    const spec = parseRolloutSpec(JSON.parse(record.spec));
    const fresh = {
      spec,
      record,
      devices: new Map(),

      crossedAtMs: new Map(),
      said: new Map<string, boolean>(),
    };
    const seen: SeenRollout = this.#rollouts.get(plan) ?? {
      ...fresh,
      haltedAtMs: undefined,
      saidAtMs: undefined,
      finishedAtMs: undefined,
      miscountedSinceMs: undefined,
    };
    this.#rollouts.set(plan, seen);
    this.note(
      this.#parts.nowMs(),
      "rollout",
      plan,
      state.phase,
      state.wave,
      state.waves.map((wave) => wave.state).join(),
    );
    const counted = counts.flat().reduce((sum, one) => sum + one.devices, 0);
    if (counted !== devices) this.fail(`${spec.name}: ${counted} of ${devices} devices are counted`);
    const { state: before } = seen.record;
    seen.record = record;
    this.#fillIn(plan, seen);
    for (const [index, wave] of before.waves.entries()) {
      const now = state.waves[index];
      const isAgain = wave.startedAtMs !== undefined && now?.startedAtMs !== wave.startedAtMs;
      if (isAgain || (wave.state === "passed" && now?.state !== "passed"))
        this.fail(`${spec.name}: wave ${index + 1} was ${wave.state}, and became ${now?.state} again`);
    }
    if (before.phase === "running" && state.phase !== "running") seen.haltedAtMs ??= this.#parts.nowMs();
    if (state.phase === "finishing" || state.phase === "completed") seen.finishedAtMs ??= this.#parts.nowMs();
    if (!this.#parts.isInOrder) return;
    // Who led before may have ended between its devices and its record: the next one corrects that.
    seen.miscountedSinceMs = miscount(seen) === undefined ? undefined : (seen.miscountedSinceMs ?? this.#parts.nowMs());
    if (this.#parts.nowMs() - (seen.miscountedSinceMs ?? Number.POSITIVE_INFINITY) > CORRECTED_MS)
      this.fail(`${spec.name}: ${miscount(seen)}`);
  }

  /** Parts are written before their rollout is. */
  #fillIn(plan: string, seen: SeenRollout): void {
    if (seen.devices.size > 0) return;
    for (const [key, devices] of this.#progress) {
      if (key.includes(`.${plan}.`)) for (const device of devices) seen.devices.set(device.device, device);
    }
  }

  #moved(key: string, value: Uint8Array): void {
    const [, plan = ""] = key.split(".");
    const { devices } = progressPartForm.fromBytes(value);
    const before = this.#progress.get(key);
    this.#progress.set(key, devices);
    const seen = this.#rollouts.get(plan);
    if (seen === undefined) return;
    for (const [index, device] of devices.entries()) {
      const last = before?.[index];
      seen.devices.set(device.device, device);
      if (last !== undefined && JSON.stringify(last) === JSON.stringify(device)) continue;
      this.note(this.#parts.nowMs(), "device", plan, device.device, device.state, device.attempts);
      if (last !== undefined) this.#steps(seen, last, device);
    }
    noteJudgement(seen, this.#parts.nowMs());
  }

  #steps(seen: SeenRollout, last: DeviceProgress, now: DeviceProgress): void {
    const { spec, crossedAtMs, record } = seen;
    const turns = now.attempts - last.attempts;
    if (last.device !== now.device) this.fail(`${last.device} became ${now.device}`);
    const isLost = turns === -1 && last.given === undefined && now.state === "pending";
    if (turns !== 0 && turns !== 1 && !isLost)
      this.fail(`${now.device}: attempt ${last.attempts} became ${now.attempts}`);
    if (turns !== 1) return;
    // A watch that was cut off shows only what came last.
    if (this.#parts.isInOrder && now.state !== "in-progress") this.fail(`${now.device}: a turn made it ${now.state}`);
    const since = crossedAtMs.get(now.wave);
    // A failure that was noticed by a step must end turns with the very same.
    if (this.#parts.isInOrder && since !== undefined && record.state.waves[now.wave]?.state === "running")
      this.fail(
        `${now.device} of wave ${now.wave + 1} had its turn ${this.#parts.nowMs() - since} ms after too many failed`,
      );
    const { disruption } = spec;
    if (disruption === undefined) return;
    const group = [...seen.devices.values()].filter(
      ({ device, state }) =>
        DISRUPTED.includes(state) &&
        this.#parts.siteOf(device) === this.#parts.siteOf(now.device) &&
        !this.#parts.isAway(device),
    );
    const most = disruption.maxUnavailable;
    if (most !== undefined && "count" in most && group.length > most.count)
      this.fail(`${spec.name}: ${group.length} devices of site ${this.#parts.siteOf(now.device)} are changed at once`);
  }

  /** A coordinator has told a device that it has stored its report. */
  acknowledged({ identity: { device }, status }: ReportStatusRequest): void {
    if (status.kind !== "document") return;
    const { request = "" } = this.document(device, status.document.version) ?? {};
    const [, , back, , plan = ""] = REQUEST.exec(request) ?? [];
    const seen = this.#rollouts.get(plan);
    if (seen !== undefined && back === undefined) noteSaid(seen, device, status.document.state, this.#parts.nowMs());
  }

  #pushed(document: DesiredDocument): void {
    const { device, version, request } = document;
    const key = `${device} ${formatVersion(version)}`;
    if (this.#documents.has(key)) return;
    const last = this.#newest.get(device);
    if (last !== undefined && compareVersions(version, last.version) <= 0)
      this.fail(`${device} was pushed ${formatVersion(version)} after ${formatVersion(last.version)}`);
    this.#documents.set(key, document);
    this.#newest.set(device, document);
    this.note(this.#parts.nowMs(), "pushed", key, request);
    const [, name, back, attempt = "", plan = ""] = REQUEST.exec(request) ?? [];
    if (name === undefined) return;
    const ofPlan = `${plan} ${device}`;
    const gifts = this.#given.get(ofPlan) ?? [];
    const isBack = back !== undefined;
    const what = `${isBack ? "back" : "give"} ${attempt}`;
    if (gifts.some((one) => one.what === what)) this.fail(`${device} was pushed twice for one attempt: ${request}`);
    if (!isBack && gifts.some((one) => one.what === `back ${attempt}`))
      this.fail(`${device} was changed after it was given back: ${request}`);
    this.#given.set(ofPlan, [...gifts, { what, atMs: document.issuedAtMs }]);
    if (!this.#parts.isInOrder) return;
    const seen = this.#rollouts.get(plan);
    const progress = seen?.devices.get(device);
    if (seen === undefined || progress === undefined) this.fail(`${device} is no device of ${request}`);
    else if (!isBack) this.#gave(seen, progress, Number(attempt));
  }

  #gave({ record }: SeenRollout, { device, wave, attempts }: DeviceProgress, attempt: number): void {
    const { state } = record;
    if (wave > state.wave) this.fail(`${device} of wave ${wave + 1} was changed in wave ${state.wave + 1}`);
    const open = state.waves.slice(0, wave).findIndex((one) => one.state !== "passed");
    if (open !== -1) this.fail(`${device} of wave ${wave + 1} was changed before wave ${open + 1} had passed`);
    if (attempts < attempt) this.fail(`${device} was changed before its turn was stored`);
  }
}
