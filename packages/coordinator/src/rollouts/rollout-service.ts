import {
  commandRollout,
  type DeviceProgress,
  FINAL_PHASES,
  given,
  MpoError,
  type RolloutCommand,
  type RolloutPhase,
} from "@mpo/core";
import { forEachBounded, ifFound } from "@mpo/io";
import type { RolloutDevice } from "@mpo/protocol";
import type { StoreCallOptions } from "@mpo/transport";
import { Recent } from "../search/recent.ts";
import { isConflict, type StoreContext } from "../store/change-entry.ts";
import type { Watched, Watching } from "../store/watched-map.ts";
import { requireUnchanged } from "./changed-since.ts";
import { countStates } from "./count-states.ts";
import type { LeadParts } from "./led-rollout.ts";
import { LastingConflict, requireNoOther } from "./other-rollouts.ts";
import { type PlanParts, planRollout, readSpec } from "./plan-rollout.ts";
import { RolloutLeader } from "./rollout-leader.ts";
import type { PlannedDevice, PlanSummary, RolloutRecord } from "./rollout-record.ts";
import { AT_ONCE, type PlanName, type RolloutName, RolloutStore, type StoredProgress } from "./rollout-store.ts";

export interface RolloutParts extends PlanParts, Omit<LeadParts, keyof PlanParts | "store" | "wake"> {
  readonly newId: () => string;
  readonly documents: PlanParts["documents"] & LeadParts["documents"];
  readonly statuses: LeadParts["statuses"];
  readonly registry: LeadParts["registry"];
  readonly searches: PlanParts["searches"] & LeadParts["searches"];
}

/** A rollout as it is shown. */
export interface ShownRollout extends Watched<RolloutRecord> {
  readonly name: RolloutName;
  readonly summary: PlanSummary;
}

/** Who says what to a rollout. */
export interface SaidCommand {
  readonly command: RolloutCommand;
  readonly actor: string;
  readonly reason: string;
  readonly expectedPhase?: RolloutPhase | undefined;
}

/** Races with the leader, and with other people, that are fought out before giving up. */
const MAX_RACES = 8;

/** Rollouts: planned, commanded, shown, and led with the other coordinators. */
export class RolloutService {
  readonly #parts: RolloutParts;
  readonly #store: RolloutStore;
  readonly #leader: RolloutLeader;
  readonly #summaries = new Recent<PlanSummary>(64);

  constructor(context: StoreContext, parts: RolloutParts) {
    this.#parts = parts;
    this.#store = new RolloutStore(context, (key, now) => this.#leader.changed(key, now));
    this.#leader = new RolloutLeader({ ...parts, store: this.#store });
  }

  get watches(): readonly Watching[] {
    return this.#store.watches;
  }

  /** All records, as far as this coordinator has seen. */
  all() {
    return this.#store.all();
  }

  run(ready: Promise<unknown>, signal: AbortSignal): Promise<void> {
    return this.#leader.run(ready, signal);
  }

  /** Freezes a rollout, and stores it. Throws `invalid-argument`; `already-exists` for one that is under way. */
  async plan(tenant: string, text: string, plannedBy: string, options: StoreCallOptions = {}): Promise<ShownRollout> {
    const { clock, newId } = this.#parts;
    const spec = readSpec(text);
    const name = { tenant, name: spec.name };
    const before = await ifFound(this.#store.load(name, options));
    if (before !== undefined) requireOver(name, before.value);
    const nowMs = clock.now();
    const frozen = await planRollout(this.#parts, { tenant, text, nowMs }, options);
    const plan = { tenant, plan: newId() };
    const devices = frozen.parts.flatMap(({ progress }) => progress);
    const record: RolloutRecord = {
      ...{
        spec: JSON.stringify(JSON.parse(text)),
        plan: plan.plan,
        state: frozen.state,
        plannedBy,
        plannedAtMs: nowMs,
      },
      ...{ devices: devices.length, parts: frozen.parts.length, movedAtMs: nowMs },
      counts: countStates(frozen.state.waves.length, devices),
      waitsFor: "it waits to be started",
    };
    try {
      await forEachBounded(frozen.parts.length, AT_ONCE, async (index) => {
        const { part, progress } = frozen.parts[index] as (typeof frozen.parts)[number];
        await this.#store.putPart(plan, index, part, progress, options);
      });
      await this.#store.putSummary(plan, frozen.summary, options);
      const revision = await this.#store.put(name, record, before?.revision, options);
      if (before !== undefined) await this.#store.removePlan({ tenant, plan: before.value.plan }, options);
      return { name, value: record, revision, summary: frozen.summary };
    } catch (thrown) {
      // Somebody else has planned one of this name: ours is nobody's. Of a lost answer it is not known.
      if (!isConflict(thrown)) throw thrown;
      await this.#store.removePlan(plan, options);
      throw new MpoError("conflict", `somebody else has planned or started ${spec.name} at the same moment`, {
        hint: `Look at theirs: mpo rollout show ${spec.name}; or give yours another name.`,
        cause: thrown,
      });
    }
  }

  /** Throws `not-found`. */
  async show(name: RolloutName, options: StoreCallOptions = {}): Promise<ShownRollout> {
    const found = await this.#store.load(name, options);
    const summary = await this.#summary({ tenant: name.tenant, plan: found.value.plan }, options);
    return { name, ...found, summary };
  }

  /** How far all of a rollout's devices are, in the order of their turn. Throws `not-found`. */
  async devices(name: RolloutName, options: StoreCallOptions = {}): Promise<readonly ListedDevice[]> {
    const { value } = await this.#store.load(name, options);
    const plan = { tenant: name.tenant, plan: value.plan };
    const parts = await this.#store.allProgress(plan, value.parts, options);
    return parts.flatMap(({ devices }, part) => devices.map((progress, at) => ({ plan, progress, part, at })));
  }

  /** Devices with what was planned for them. */
  async planned(devices: readonly ListedDevice[], options: StoreCallOptions = {}): Promise<readonly RolloutDevice[]> {
    const wanted = [...new Set(devices.map(({ part }) => part))];
    const plan = devices[0]?.plan;
    if (plan === undefined) return [];
    const parts = await forEachBounded(wanted.length, AT_ONCE, (index) =>
      this.#store.part(plan, wanted[index] as number, options),
    );
    return devices.map(({ progress, part, at }) => {
      const planned = parts[wanted.indexOf(part)]?.devices[at] as PlannedDevice;
      const { config, memoryBytes, stepMs, accuracy, profileOf } = planned;
      return { ...progress, config, ...given({ memoryBytes, stepMs, accuracy, profileOf }) };
    });
  }

  /** Says something to a rollout. Throws `not-found`, `conflict`, and `precondition-failed` where it makes no sense. */
  async command(name: RolloutName, said: SaidCommand, options: StoreCallOptions = {}): Promise<ShownRollout> {
    // Devices that were written for another try already, as they were before.
    const before = new Map<string, DeviceProgress>();
    for (let race = 1; ; race++) {
      try {
        return await this.#command(name, said, before, options);
      } catch (thrown) {
        if (!isConflict(thrown) || thrown instanceof LastingConflict || race >= MAX_RACES) throw thrown;
        await this.#parts.clock.sleep(20 * race, options);
      }
    }
  }

  /** Forgets a rollout. Throws `not-found`, and `precondition-failed` while it is under way. */
  async remove(name: RolloutName, options: StoreCallOptions = {}): Promise<void> {
    const { value, revision } = await this.#store.load(name, options);
    requireOver(name, value);
    await this.#store.remove(name, revision, options);
    await this.#store.removePlan({ tenant: name.tenant, plan: value.plan }, options);
  }

  async #command(
    name: RolloutName,
    { command, actor, reason, expectedPhase }: SaidCommand,
    before: Map<string, DeviceProgress>,
    options: StoreCallOptions,
  ): Promise<ShownRollout> {
    const { clock } = this.#parts;
    const { value, revision } = await this.#store.load(name, options);
    const { phase } = value.state;
    if (expectedPhase !== undefined && expectedPhase !== phase)
      throw new LastingConflict("conflict", `rollout ${name.name} is ${phase}; expected ${expectedPhase}`, {
        hint: "It has moved on: look at it, and decide again.",
      });
    const plan = { tenant: name.tenant, plan: value.plan };
    const spec = readSpec(value.spec);
    const nowMs = clock.now();
    const reading = this.#store.allProgress(plan, value.parts, options);
    // Of a store that was put back in part: that it is over can be said all the same.
    const parts = command === "stop" ? ((await ifFound(reading)) ?? []) : await reading;
    const all = parts.flatMap(({ devices }) => devices);
    const devices = all.map((device) => before.get(device.device) ?? device);
    const next = commandRollout({ spec, state: value.state, devices }, command, { nowMs, actor, reason });
    if (command === "start") await this.#requireStartable(name, value, parts, options);
    const changed = new Map(next.changed.map((device) => [device.device, device]));
    if (command === "retry") await requireNoOther(this.#store, name, changed, options);
    for (const device of devices) if (changed.has(device.device)) before.set(device.device, device);
    await this.#storeChanged(plan, parts, changed, options);
    const { waitsFor: _, endedAtMs: __, ...rest } = value;
    const isOver = FINAL_PHASES.includes(next.state.phase);
    const record: RolloutRecord = {
      ...rest,
      state: next.state,
      counts:
        all.length === 0
          ? value.counts
          : countStates(
              next.state.waves.length,
              all.map((device) => changed.get(device.device) ?? device),
            ),
      movedAtMs: nowMs,
      ...given({
        startedAtMs: command === "start" ? nowMs : value.startedAtMs,
        endedAtMs: isOver ? nowMs : undefined,
        raisedUntilMs: phase === "conflicted" ? nowMs : value.raisedUntilMs,
        // Who is asked to start it leads it, at once.
        lease: command === "start" ? { owner: this.#parts.name, beat: 0 } : value.lease,
      }),
    };
    const stored = await this.#store.put(name, record, revision, options);
    return { name, value: record, revision: stored, summary: await this.#summary(plan, options) };
  }

  async #storeChanged(
    plan: PlanName,
    parts: readonly StoredProgress[],
    changed: ReadonlyMap<string, DeviceProgress>,
    options: StoreCallOptions,
  ): Promise<void> {
    for (const [index, { devices, revision }] of parts.entries()) {
      if (!devices.some(({ device }) => changed.has(device))) continue;
      const next = devices.map((device) => changed.get(device.device) ?? device);
      await this.#store.putProgress(plan, index, { devices: next, revision }, options);
    }
  }

  /** Throws `precondition-failed` when devices have changed since, and `conflict` while another rollout is to change them. */
  async #requireStartable(
    name: RolloutName,
    record: RolloutRecord,
    progress: readonly StoredProgress[],
    options: StoreCallOptions,
  ): Promise<void> {
    const plan = { tenant: name.tenant, plan: record.plan };
    const frozen = await forEachBounded(progress.length, AT_ONCE, async (index) => ({
      part: await this.#store.part(plan, index, options),
      progress: (progress[index] as StoredProgress).devices,
    }));
    const spec = readSpec(record.spec);
    const { version } = spec.change;
    if (version !== undefined) this.#parts.models.required(name.tenant, spec.model, version);
    requireUnchanged(this.#parts, name.tenant, spec, frozen);
    const devices = new Set(progress.flatMap((part) => part.devices.map(({ device }) => device)));
    await requireNoOther(this.#store, name, devices, options);
  }

  async #summary(plan: PlanName, options: StoreCallOptions): Promise<PlanSummary> {
    const known = this.#summaries.get(plan.plan);
    if (known !== undefined) return known;
    const summary = await ifFound(this.#store.summary(plan, options));
    // Of a store that was put back in part.
    if (summary === undefined) return NOTHING_KNOWN;
    this.#summaries.set(plan.plan, summary);
    return summary;
  }
}

const NOTHING_KNOWN: PlanSummary = { distribution: [], leftOut: [], leftOutCount: 0, control: [] };

/** A device in its place of a rollout. */
export interface ListedDevice {
  readonly plan: PlanName;
  readonly progress: DeviceProgress;
  readonly part: number;
  readonly at: number;
}

function requireOver({ name }: RolloutName, { state: { phase } }: RolloutRecord): void {
  if (phase === "planned" || FINAL_PHASES.includes(phase)) return;
  throw new MpoError("precondition-failed", `rollout ${name} is ${phase}`, {
    hint: `End it first: mpo rollout stop ${name}; or give yours another name.`,
  });
}
