import {
  conflictRollout,
  type DeviceProgress,
  FAILED_STATES,
  FINAL_PHASES,
  given,
  isTouched,
  MpoError,
  type RolloutAction,
  type RolloutFacts,
  type RolloutSpec,
  type RolloutState,
  stepRollout,
  waitsFor,
} from "@mpo/core";
import { isAbortError } from "@mpo/io";
import { asLine, type DeviceIdentity } from "@mpo/protocol";
import { isTransient, type Logger } from "@mpo/runtime";
import { FLEET } from "../api/identity-api.ts";
import type { Audit } from "../events/audit.ts";
import type { Registry } from "../registry/registry.ts";
import { Recent } from "../search/recent.ts";
import { isConflict, type StoreContext } from "../store/change-entry.ts";
import type { Watched } from "../store/watched-map.ts";
import { AskedOutside, type AskingParts } from "./asked-outside.ts";
import { countStates } from "./count-states.ts";
import { joinLate, type LateParts } from "./late-joiners.ts";
import { settleOpenTurns } from "./open-turns.ts";
import { readSpec } from "./plan-rollout.ts";
import { isRaised } from "./requests.ts";
import { type ActionParts, giveChange, takeChangeBack } from "./rollout-actions.ts";
import { changedBy, type FactSources, rolloutFacts } from "./rollout-facts.ts";
import type { PlanPart, PlanSummary, RolloutRecord } from "./rollout-record.ts";
import { inTurns, type RolloutName, type RolloutStore } from "./rollout-store.ts";

export interface LeadParts extends FactSources, ActionParts, AskingParts, LateParts, Pick<StoreContext, "clock"> {
  readonly registry: Pick<Registry, "device" | "devices" | "seen">;
  readonly documents: FactSources["documents"] & ActionParts["documents"] & LateParts["documents"];
  readonly statuses: FactSources["statuses"] & ActionParts["statuses"] & AskingParts["statuses"];
  readonly searches: ActionParts["searches"] & LateParts["searches"];
  readonly store: RolloutStore;
  readonly audit: Pick<Audit, "log">;
  readonly logger: Logger;
  /** This coordinator. */
  readonly name: string;
  /** How long another's lease is respected without a sign of it, milliseconds. */
  readonly leaseMs: number;
}

/** Times that a lease is renewed before it would end, also when nothing moves. */
const RENEWALS = 4;

/** Devices that are given their turn at once: nearly all the time of one goes by until the store has answered. */
const LANES = 16;
/** Turns of one step end after so long; what is left is asked for again by the next. */
const SLICE_MS = 1_000;
/** Single devices that a step writes events of. */
const MAX_EVENTS = 20;
const LATE_MS = 10_000;
/** What others do to devices is looked for so often: it takes time in proportion to all of them. */
const LOOK_MS = 2_000;

interface LedPart {
  readonly devices: DeviceProgress[];
  revision: number;
}

/** A rollout that this coordinator leads: as it was stored last, and the steps on from there. */
export class LedRollout {
  readonly name: RolloutName;
  readonly #parts: LeadParts;
  readonly #spec: RolloutSpec;
  readonly #summary: PlanSummary;
  readonly #led: LedPart[];
  readonly #places = new Map<string, { readonly part: number; readonly at: number }>();
  readonly #identities = new Map<string, DeviceIdentity>();
  readonly #dirty = new Set<number>();
  readonly #plan = new Recent<PlanPart>(32);
  /** Why a turn could not be done, by device and attempt. */
  readonly #troubles = new Map<string, string>();
  readonly #asked: AskedOutside;
  #record: RolloutRecord;
  #revision: number;
  #renewedAtMs: number;
  #lateAtMs = Number.NEGATIVE_INFINITY;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  private constructor(
    parts: LeadParts,
    name: RolloutName,
    { value, revision }: Watched<RolloutRecord>,
    led: readonly LedPart[],
    summary: PlanSummary,
  ) {
    this.#parts = parts;
    this.name = name;
    this.#record = value;
    this.#revision = revision;
    this.#renewedAtMs = parts.clock.monotonicMs();
    this.#spec = readSpec(value.spec);
    this.#summary = summary;
    this.#led = [...led];
    this.#asked = new AskedOutside(parts);
    for (const part of led.keys()) this.#place(part);
  }

  /** Takes the lead of a rollout, and reads how far it is. Throws `conflict` when another one was faster. */
  static async take(
    parts: LeadParts,
    name: RolloutName,
    { value, revision }: Watched<RolloutRecord>,
    signal: AbortSignal,
  ): Promise<LedRollout> {
    const { store } = parts;
    const lease = { owner: parts.name, beat: (value.lease?.beat ?? 0) + 1 };
    const record = { ...value, lease };
    const taken = await store.put(name, record, revision, { signal });
    const plan = { tenant: name.tenant, plan: value.plan };
    const progress = await store.allProgress(plan, value.parts, { signal });
    const summary = await store.summary(plan, { signal });
    const led = progress.map((part) => ({ devices: [...part.devices], revision: part.revision }));
    return new LedRollout(parts, name, { value: record, revision: taken }, led, summary);
  }

  /** Of the record as this coordinator has written it. */
  get revision(): number {
    return this.#revision;
  }

  get #planName() {
    return { tenant: this.name.tenant, plan: this.#record.plan };
  }

  /** Takes one step, stores it, and does what it asks for. The result is whether more may be done at once. */
  async step(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#parts;
    const nowMs = clock.now();
    const before = this.#record.state;
    let state = this.#asked.applied(this.#spec, before, nowMs);
    const isLook = clock.monotonicMs() - this.#lookedAtMs >= LOOK_MS;
    const settled = isLook ? this.#settle(nowMs) : [];
    if (isLook) {
      state = this.#conflicted(state, nowMs);
      this.#lookedAtMs = clock.monotonicMs();
    }
    this.#settleOpen(state.phase, nowMs);
    const joined = await this.#joinLate(state, nowMs, signal);
    const facts = rolloutFacts(this.#parts, {
      tenant: this.name.tenant,
      spec: this.#spec,
      plan: this.#record.plan,
      nowMs,
      identity: (device) => this.#identity(device),
      progress: (device) => this.#progress(device),
      trouble: (device) => this.#troubles.get(troubleKey(this.#progress(device))),
    });
    const rollout = { spec: this.#spec, state, devices: this.#devices() };
    const step = stepRollout(rollout, facts);
    const failed = step.changed.flatMap((device) => failureOf(this.#progress(device.device), device, facts));
    for (const device of step.changed) this.#set(device);
    const hasMoved = settled.length > 0 || joined || step.changed.length > 0 || hasMovedOn(before, step.state);
    await this.#store(step.state, hasMoved, nowMs, facts, signal);
    const isConflict_ = before.phase !== "conflicted" && step.state.phase === "conflicted";
    const superseded = settled.map(({ device, message }) => ({ device, message, kind: "superseded" }));
    await this.#log(step.actions, [...superseded, ...failed], isConflict_ ? step.state.reason : undefined);
    const isLeft = await this.#takeTurns(step.actions, signal);
    this.#ask(step.actions, step.state, signal);
    return isLeft || this.#dirty.size > 0;
  }

  /** Lets another coordinator take the lead at once. */
  async release(signal: AbortSignal): Promise<void> {
    this.#asked.end();
    const { lease: _, ...record } = this.#record;
    await this.#parts.store.put(this.name, record, this.#revision, { signal });
  }

  /** What others decided about devices: renamed, gone from the fleet, or changed by somebody else since. */
  #settle(nowMs: number): readonly DeviceProgress[] {
    const { registry, documents } = this.#parts;
    const changed: DeviceProgress[] = [];
    let renamed: ReadonlyMap<string, string> | undefined;
    for (const progress of this.#devices()) {
      const { device, state, given: version } = progress;
      if (state === "superseded" || state === "rolled-back") continue;
      const becomes = (message: string): void => {
        changed.push({ ...progress, state: "superseded", sinceMs: nowMs, message });
      };
      const record = registry.device(this.#identity(device));
      if (record === undefined) {
        renamed ??= this.#renamed();
        const now = renamed.get(device);
        if (now === undefined) becomes("it was removed from the fleet");
        else this.#rename(device, now);
      } else if (record.retiredAtMs !== undefined) becomes("it was retired");
      else if (version !== undefined && isTouched(progress)) {
        const other = changedBy(documents.newest(record.identity), version, this.#record.plan);
        if (other !== undefined) becomes(other);
      }
    }
    for (const device of changed) this.#set(device);
    return changed;
  }

  #settleOpen(phase: RolloutState["phase"], nowMs: number): void {
    const { plan } = this.#record;
    const newest = (device: string) => this.#parts.documents.newest(this.#identity(device));
    const open = { name: this.#spec.name, plan, phase, nowMs };
    for (const device of settleOpenTurns(this.#devices(), newest, open)) this.#set(device);
  }

  /** Devices by what they were called before. */
  #renamed(): ReadonlyMap<string, string> {
    const names = new Map<string, string>();
    for (const { identity, formerNames = [] } of this.#parts.registry.devices())
      if (identity.tenant === this.name.tenant)
        for (const { device } of formerNames) if (!names.has(device)) names.set(device, identity.device);
    return names;
  }

  #rename(device: string, now: string): void {
    const place = this.#places.get(device);
    if (place === undefined || this.#places.has(now)) return;
    const part = this.#led[place.part] as LedPart;
    part.devices[place.at] = { ...(part.devices[place.at] as DeviceProgress), device: now };
    this.#places.delete(device);
    this.#places.set(now, place);
    this.#dirty.add(place.part);
  }

  /** A device knew newer documents than the store: an older copy of it was put back, and what is held here is old too. */
  #conflicted(state: RolloutState, nowMs: number): RolloutState {
    if (state.phase === "conflicted" || FINAL_PHASES.includes(state.phase)) return state;
    const { startedAtMs = 0, raisedUntilMs = 0 } = this.#record;
    const sinceMs = Math.max(startedAtMs, raisedUntilMs);
    const raised = this.#devices().filter(({ device }) => {
      const newest = this.#parts.documents.newest(this.#identity(device));
      return newest !== undefined && newest.issuedAtMs > sinceMs && isRaised(newest.request);
    });
    const [first] = raised;
    if (first === undefined) return state;
    const who = raised.length === 1 ? `${first.device} knows` : `${raised.length} devices (${first.device}, …) know`;
    const reason = `${who} newer documents than the store: an older copy of it was put back`;
    return conflictRollout(state, reason, nowMs);
  }

  async #joinLate(state: RolloutState, nowMs: number, signal: AbortSignal): Promise<boolean> {
    const { clock, store } = this.#parts;
    const isGiving = state.phase === "running" || state.phase === "finishing";
    if (!isGiving || this.#spec.lateJoiners === "ignore" || clock.monotonicMs() - this.#lateAtMs < LATE_MS)
      return false;
    const isFirst = this.#lateAtMs === Number.NEGATIVE_INFINITY;
    this.#lateAtMs = clock.monotonicMs();
    if (isFirst) return false;
    const control = new Set(this.#summary.control);
    const fresh = await joinLate(
      this.#parts,
      {
        ...{ tenant: this.name.tenant, spec: this.#spec, wave: state.waves.length - 1, nowMs },
        isKnown: (device) => this.#places.has(device) || control.has(device),
      },
      { signal },
    );
    for (const { part, progress } of fresh) {
      const index = this.#led.length;
      const revision = await store.addPart(this.#planName, index, part, progress, { signal });
      this.#led.push({ devices: [...progress], revision });
      this.#place(index);
    }
    return fresh.length > 0;
  }

  /** Stores what a step has decided: first the devices, then the rollout. Throws `conflict` when another one leads. */
  async #store(
    state: RolloutState,
    hasMoved: boolean,
    nowMs: number,
    facts: RolloutFacts,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, store, name, leaseMs } = this.#parts;
    const parts = [...this.#dirty];
    await inTurns(parts.length, async (index) => {
      const part = parts[index] as number;
      const led = this.#led[part] as LedPart;
      led.revision = await store.putProgress(this.#planName, part, led, { signal });
      this.#dirty.delete(part);
    });
    const before = this.#record;
    const isSame = parts.length === 0 && !hasMoved && JSON.stringify(before.state) === JSON.stringify(state);
    if (isSame && clock.monotonicMs() - this.#renewedAtMs < leaseMs / RENEWALS) return;
    const devices = this.#devices();
    const isOver = FINAL_PHASES.includes(state.phase);
    const waits = waitsFor({ spec: this.#spec, state, devices }, facts);
    const { lease, waitsFor: _, endedAtMs: __, ...rest } = before;
    const record: RolloutRecord = {
      ...rest,
      state,
      devices: devices.length,
      parts: this.#led.length,
      // Also when nothing has moved: who led before may have ended between its devices and its record.
      counts: countStates(state.waves.length, devices),
      movedAtMs: hasMoved ? nowMs : before.movedAtMs,
      ...given({
        waitsFor: waits === undefined ? undefined : asLine(waits, 512),
        endedAtMs: isOver ? (before.endedAtMs ?? nowMs) : undefined,
        lease: { owner: name, beat: (lease?.beat ?? 0) + 1 },
      }),
    };
    this.#revision = await store.put(this.name, record, this.#revision, { signal });
    this.#record = record;
    this.#renewedAtMs = clock.monotonicMs();
  }

  async #log(
    actions: readonly RolloutAction[],
    failed: readonly DeviceFailure[],
    conflict: string | undefined,
  ): Promise<void> {
    const { audit, logger } = this.#parts;
    const { name, tenant } = this.name;
    const log = async (kind: string, message: string, device?: string): Promise<void> => {
      const identity = device === undefined ? { ...FLEET, tenant } : { tenant, device };
      logger.info("a rollout has moved", { rollout: name, kind, message, ...given({ deviceId: device }) });
      const words = message === "" ? name : `${name}: ${message}`;
      await audit.log({ kind, identity, actor: "coordinator", message: words });
    };
    for (const action of actions) if (action.kind === "log") await log(action.event, action.message);
    if (conflict !== undefined) await log("rollout-conflicted", conflict);
    for (const { device, kind, message } of failed.slice(0, MAX_EVENTS))
      await log(`rollout-device-${kind}`, message, device);
    const more = failed.length - MAX_EVENTS;
    if (more > 0) await log("rollout-devices-failed", `${more} more devices: mpo rollout show ${name}`);
  }

  /** Gives devices what the step says, for a while. The result is whether some are left. */
  async #takeTurns(actions: readonly RolloutAction[], signal: AbortSignal): Promise<boolean> {
    const turns = actions.flatMap((action) => (action.kind === "give" || action.kind === "take-back" ? [action] : []));
    const { clock } = this.#parts;
    const endMs = clock.monotonicMs() + SLICE_MS;
    let isLeft = false;
    await inTurns(
      turns.length,
      async (index) => {
        const turn = turns[index] as (typeof turns)[number];
        const progress = this.#progress(turn.device);
        if (progress === undefined || this.#troubles.has(troubleKey(progress))) return;
        if (clock.monotonicMs() >= endMs) {
          isLeft = true;
          return;
        }
        const next = await this.#takeTurn(turn.kind, progress, signal);
        if (next !== undefined) this.#set(next);
      },
      LANES,
    );
    return isLeft;
  }

  async #takeTurn(
    kind: "give" | "take-back",
    progress: DeviceProgress,
    signal: AbortSignal,
  ): Promise<DeviceProgress | undefined> {
    const turn = { tenant: this.name.tenant, spec: this.#spec, plan: this.#record.plan, progress };
    try {
      if (kind === "take-back") return await takeChangeBack(this.#parts, turn, { signal });
      const { part, at } = this.#places.get(progress.device) as { readonly part: number; readonly at: number };
      return await giveChange(this.#parts, turn, { part: await this.#planPart(part, signal), at }, { signal });
    } catch (thrown) {
      if (signal.aborted || isAbortError(thrown)) throw thrown;
      const { logger } = this.#parts;
      const facts = { rollout: this.name.name, deviceId: progress.device, kind, err: thrown };
      if (isTransient(thrown) || isConflict(thrown)) {
        logger.debug("a device's turn is tried again", facts);
        return undefined;
      }
      logger.warn("a device's turn cannot be done", facts);
      this.#troubles.set(troubleKey(progress), asLine(MpoError.from(thrown).message));
      return undefined;
    }
  }

  async #planPart(index: number, signal: AbortSignal): Promise<PlanPart> {
    const known = this.#plan.get(`${index}`);
    if (known !== undefined) return known;
    const part = await this.#parts.store.part(this.#planName, index, { signal });
    this.#plan.set(`${index}`, part);
    return part;
  }

  #ask(actions: readonly RolloutAction[], state: RolloutState, signal: AbortSignal): void {
    const { tenant } = this.name;
    const changed = this.#devices().flatMap(({ device, wave, given: version }) =>
      wave === state.wave && version !== undefined ? [{ identity: this.#identity(device), given: version }] : [],
    );
    for (const action of actions) {
      if (action.kind !== "measure" && action.kind !== "hook") continue;
      this.#asked.ask(
        action,
        {
          ...{ tenant, spec: this.#spec, state, changed },
          control: this.#summary.control.map((device) => ({ tenant, device })),
          counts: this.#record.counts[action.wave] ?? [],
        },
        signal,
      );
    }
  }

  #devices(): readonly DeviceProgress[] {
    return this.#led.flatMap(({ devices }) => devices);
  }

  #progress(device: string): DeviceProgress | undefined {
    const place = this.#places.get(device);
    return place === undefined ? undefined : this.#led[place.part]?.devices[place.at];
  }

  #set(progress: DeviceProgress): void {
    const place = this.#places.get(progress.device);
    if (place === undefined) return;
    (this.#led[place.part] as LedPart).devices[place.at] = progress;
    this.#dirty.add(place.part);
  }

  #place(part: number): void {
    for (const [at, { device }] of (this.#led[part] as LedPart).devices.entries())
      this.#places.set(device, { part, at });
  }

  #identity(device: string): DeviceIdentity {
    const known = this.#identities.get(device);
    if (known !== undefined) return known;
    const identity = { tenant: this.name.tenant, device };
    this.#identities.set(device, identity);
    return identity;
  }
}

/** What went wrong with a device. */
interface DeviceFailure {
  readonly device: string;
  readonly kind: string;
  readonly message: string;
}

/** A failure is seen also where the device is tried again, or given back what it had, in the same step. */
function failureOf(
  before: DeviceProgress | undefined,
  { device, state, message }: DeviceProgress,
  facts: RolloutFacts,
): readonly DeviceFailure[] {
  if (before?.state !== "in-progress" && before?.state !== "rolling-back") return [];
  const { outcome, message: why = "" } = facts.of(device);
  if (outcome === "failed" || outcome === "refused" || outcome === "superseded")
    return [{ device, kind: outcome, message: why }];
  return FAILED_STATES.includes(state) ? [{ device, kind: state, message }] : [];
}

function troubleKey(progress: DeviceProgress | undefined): string {
  return `${progress?.device} ${progress?.attempts} ${progress?.state}`;
}

/** Whether a rollout or a wave stands elsewhere. */
function hasMovedOn(before: RolloutState, now: RolloutState): boolean {
  return (
    before.phase !== now.phase ||
    before.wave !== now.wave ||
    before.waves.some(({ state }, index) => state !== now.waves[index]?.state)
  );
}
