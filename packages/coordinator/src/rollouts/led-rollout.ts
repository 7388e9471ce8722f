import {
  conflictRollout,
  FINAL_PHASES,
  given,
  hasCode,
  type RolloutAction,
  type RolloutFacts,
  type RolloutSpec,
  type RolloutState,
  stepRollout,
  waitsFor,
} from "@mpo/core";
import { asLine } from "@mpo/protocol";
import type { Logger } from "@mpo/runtime";
import { isRaised } from "../documents/requests.ts";
import type { Audit } from "../events/audit.ts";
import type { Registry } from "../registry/registry.ts";
import type { StoreContext } from "../store/change-entry.ts";
import type { Watched } from "../store/watched-map.ts";
import { AskedOutside, type AskingParts } from "./asked-outside.ts";
import { countStates } from "./count-states.ts";
import { joinLate, type LateParts } from "./late-joiners.ts";
import { LedDevices } from "./led-devices.ts";
import { failureOf, logStep } from "./log-step.ts";
import { settleOpenTurns } from "./open-turns.ts";
import { readSpec } from "./plan-rollout.ts";
import type { ActionParts } from "./rollout-actions.ts";
import { type FactSources, rolloutFacts } from "./rollout-facts.ts";
import type { PlanSummary, RolloutRecord } from "./rollout-record.ts";
import type { RolloutName, RolloutStore, StoredProgress } from "./rollout-store.ts";
import { settleDevices } from "./settle-devices.ts";
import { TakeTurns } from "./take-turns.ts";

export interface LeadParts extends FactSources, ActionParts, AskingParts, LateParts, Pick<StoreContext, "clock"> {
  readonly registry: Pick<Registry, "device" | "devices" | "seen" | "change">;
  readonly documents: FactSources["documents"] & ActionParts["documents"] & LateParts["documents"];
  readonly statuses: FactSources["statuses"] &
    ActionParts["statuses"] &
    AskingParts["statuses"] &
    LateParts["statuses"];
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

/** Devices that come to be selected are looked for so often. */
const LATE_MS = 10_000;
/** What others do to devices is looked for so often: it takes time in proportion to all of them. */
const LOOK_MS = 2_000;

/** A rollout that this coordinator leads: as it was stored last, and the steps on from there. */
export class LedRollout {
  readonly name: RolloutName;
  readonly #parts: LeadParts;
  readonly #spec: RolloutSpec;
  readonly #summary: PlanSummary;
  readonly #devices: LedDevices;
  readonly #turns: TakeTurns;
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
    progress: readonly StoredProgress[],
    summary: PlanSummary,
  ) {
    this.#parts = parts;
    this.name = name;
    this.#record = value;
    this.#revision = revision;
    this.#renewedAtMs = parts.clock.monotonicMs();
    this.#spec = readSpec(value.spec);
    this.#summary = summary;
    const plan = { tenant: name.tenant, plan: value.plan };
    this.#devices = new LedDevices(parts.store, plan, progress);
    this.#turns = new TakeTurns(parts, this.#spec, plan, this.#devices);
    this.#asked = new AskedOutside(parts);
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
    try {
      const progress = await store.allProgress(plan, value.parts, { signal });
      const summary = await store.summary(plan, { signal });
      return new LedRollout(parts, name, { value: record, revision: taken }, progress, summary);
    } catch (thrown) {
      // Seen by people, and not by the log alone.
      if (hasCode(thrown, "not-found") && value.state.phase !== "conflicted") {
        const state = conflictRollout(value.state, "the store has only a part of its plan: stop it", parts.clock.now());
        await store.put(name, { ...record, state }, taken, { signal });
      }
      throw thrown;
    }
  }

  /** Of the record as this coordinator has written it. */
  get revision(): number {
    return this.#revision;
  }

  /** Takes one step, stores it, and does what it asks for. The result is whether more may be done at once. */
  async step(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#parts;
    const nowMs = clock.now();
    const before = this.#record.state;
    let state = this.#asked.applied(this.#spec, before, nowMs);
    const isLook = clock.monotonicMs() - this.#lookedAtMs >= LOOK_MS;
    const settled = isLook ? settleDevices(this.#parts, this.#devices, this.#record.plan, nowMs) : [];
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
      identity: (device) => this.#devices.identity(device),
      progress: (device) => this.#devices.get(device),
      trouble: (device) => this.#turns.trouble(device),
    });
    const rollout = { spec: this.#spec, state, devices: this.#devices.all() };
    const step = stepRollout(rollout, facts);
    const failed = step.changed.flatMap((device) => failureOf(this.#devices.get(device.device), device, facts));
    for (const device of step.changed) this.#devices.set(device);
    const hasMoved = settled.length > 0 || joined || step.changed.length > 0 || hasMovedOn(before, step.state);
    await this.#store(step.state, hasMoved, nowMs, facts, signal);
    const superseded = settled.map(({ device, message }) => ({ device, message, kind: "superseded" }));
    const hasConflict = before.phase !== "conflicted" && step.state.phase === "conflicted";
    await logStep(this.#parts, this.name, {
      actions: step.actions,
      devices: [...superseded, ...failed],
      conflict: hasConflict ? step.state.reason : undefined,
    });
    const isLeft = await this.#turns.take(step.actions, signal);
    this.#ask(step.actions, step.state, signal);
    return isLeft || this.#devices.hasChanged;
  }

  /** Leads it no longer. */
  async end(): Promise<void> {
    await this.#asked.end();
  }

  /** Lets another coordinator take the lead at once. */
  async release(signal: AbortSignal): Promise<void> {
    await this.end();
    const { lease: _, ...record } = this.#record;
    await this.#parts.store.put(this.name, record, this.#revision, { signal });
  }

  #settleOpen(phase: RolloutState["phase"], nowMs: number): void {
    const { plan } = this.#record;
    const newest = (device: string) => this.#parts.documents.newest(this.#devices.identity(device));
    const open = { name: this.#spec.name, plan, phase, nowMs };
    for (const device of settleOpenTurns(this.#devices.all(), newest, open)) this.#devices.set(device);
  }

  /** A device knew newer documents than the store: an older copy of it was put back, and what is held here is old too. */
  #conflicted(state: RolloutState, nowMs: number): RolloutState {
    if (state.phase === "conflicted" || FINAL_PHASES.includes(state.phase)) return state;
    const { startedAtMs = 0, raisedUntilMs = 0 } = this.#record;
    const sinceMs = Math.max(startedAtMs, raisedUntilMs);
    const raised = this.#devices.all().filter(({ device }) => {
      const newest = this.#parts.documents.newest(this.#devices.identity(device));
      return newest !== undefined && newest.issuedAtMs > sinceMs && isRaised(newest.request);
    });
    const [first] = raised;
    if (first === undefined) return state;
    const who = raised.length === 1 ? `${first.device} knows` : `${raised.length} devices (${first.device}, …) know`;
    const reason = `${who} newer documents than the store: an older copy of it was put back`;
    return conflictRollout(state, reason, nowMs);
  }

  async #joinLate(state: RolloutState, nowMs: number, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#parts;
    const isGiving = state.phase === "running" || state.phase === "finishing";
    if (!isGiving || this.#spec.lateJoiners === "ignore" || clock.monotonicMs() - this.#lateAtMs < LATE_MS)
      return false;
    this.#lateAtMs = clock.monotonicMs();
    const control = new Set(this.#summary.control);
    const fresh = await joinLate(
      this.#parts,
      {
        ...{ tenant: this.name.tenant, spec: this.#spec, wave: state.waves.length - 1, nowMs },
        startedAtMs: this.#record.startedAtMs ?? nowMs,
        isKnown: (device) => this.#devices.has(device) || control.has(device),
      },
      { signal },
    );
    for (const part of fresh) await this.#devices.add(part, { signal });
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
    const hasChanged = await this.#devices.write({ signal });
    const before = this.#record;
    const isSame = !hasChanged && !hasMoved && JSON.stringify(before.state) === JSON.stringify(state);
    if (isSame && clock.monotonicMs() - this.#renewedAtMs < leaseMs / RENEWALS) return;
    const devices = this.#devices.all();
    const isOver = FINAL_PHASES.includes(state.phase);
    const waits = waitsFor({ spec: this.#spec, state, devices }, facts);
    const { lease, waitsFor: _, endedAtMs: __, ...rest } = before;
    const record: RolloutRecord = {
      ...rest,
      state,
      devices: devices.length,
      parts: this.#devices.partCount,
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

  #ask(actions: readonly RolloutAction[], state: RolloutState, signal: AbortSignal): void {
    const questions = actions.filter((action) => action.kind === "measure" || action.kind === "hook");
    if (questions.length === 0) return;
    const { tenant } = this.name;
    const changed = this.#devices
      .all()
      .flatMap(({ device, wave, given: version }) =>
        wave === state.wave && version !== undefined
          ? [{ identity: this.#devices.identity(device), given: version }]
          : [],
      );
    const control = this.#summary.control.map((device) => ({ tenant, device }));
    const counts = this.#record.counts[state.wave] ?? [];
    for (const question of questions)
      this.#asked.ask(question, { tenant, spec: this.#spec, state, changed, control, counts }, signal);
  }
}

/** Whether a rollout or a wave stands elsewhere. */
function hasMovedOn(before: RolloutState, now: RolloutState): boolean {
  return (
    before.phase !== now.phase ||
    before.wave !== now.wave ||
    before.waves.some(({ state }, index) => state !== now.waves[index]?.state)
  );
}
