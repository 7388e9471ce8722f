import { type DeviceProgress, MpoError } from "@mpo/core";
import { forEachBounded } from "@mpo/io";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import type { StoreContext } from "../store/change-entry.ts";
import type { RecordForm } from "../store/records.ts";
import { type Watched, WatchedMap, type Watching } from "../store/watched-map.ts";
import { writeInPlace } from "../store/write-in-place.ts";
import {
  type PlanPart,
  type PlanSummary,
  planPartForm,
  planSummaryForm,
  progressPartForm,
  type RolloutRecord,
  rolloutForm,
} from "./rollout-record.ts";

/** Whose rollout, and what it is called. */
export interface RolloutName {
  readonly tenant: string;
  readonly name: string;
}

/** Whose plan. */
export interface PlanName {
  readonly tenant: string;
  readonly plan: string;
}

/** A part of a rollout's devices as it is in the store. */
export interface StoredProgress {
  readonly devices: readonly DeviceProgress[];
  readonly revision: number;
}

export function rolloutKey({ tenant, name }: RolloutName): string {
  return `${tenant}.${name}`;
}

export function parseRolloutKey(key: string): RolloutName {
  const [tenant = "", name = ""] = key.split(".");
  return { tenant, name };
}

/** Parts that are read or written at once. */
export const AT_ONCE = 8;

/** Rollouts in the store: their records, watched, and the parts of their devices. */
export class RolloutStore {
  readonly #context: StoreContext;
  readonly #records: WatchedMap<RolloutRecord>;

  constructor(context: StoreContext, onChange: (key: string, now: Watched<RolloutRecord> | undefined) => void) {
    this.#context = context;
    this.#records = new WatchedMap(context, {
      bucket: BUCKETS.rollout,
      read: ({ value }) => rolloutForm.fromBytes(value),
      onChange,
    });
  }

  get watches(): readonly Watching[] {
    return [this.#records];
  }

  /** As far as this coordinator has seen. */
  get(name: RolloutName): Watched<RolloutRecord> | undefined {
    return this.#records.get(rolloutKey(name));
  }

  *all(): Generator<{ readonly name: RolloutName } & Watched<RolloutRecord>, void, undefined> {
    for (const [key, watched] of this.#records.entries()) yield { name: parseRolloutKey(key), ...watched };
  }

  /** As it is in the store. Throws `not-found`. */
  async load(name: RolloutName, options: StoreCallOptions = {}): Promise<Watched<RolloutRecord>> {
    const entry = await this.#context.store.get(BUCKETS.rollout, rolloutKey(name), options);
    if (entry !== undefined) return { value: rolloutForm.fromBytes(entry.value), revision: entry.revision };
    throw new MpoError("not-found", `there is no rollout ${name.name} of tenant ${name.tenant}`, {
      hint: "List them: mpo rollout list.",
    });
  }

  /** Writes a record in the place of one of a revision; undefined: there is none. Throws `conflict`. */
  async put(
    name: RolloutName,
    record: RolloutRecord,
    expected: number | undefined,
    options: StoreCallOptions = {},
  ): Promise<number> {
    const revision = await writeInPlace(
      this.#context,
      { bucket: BUCKETS.rollout, key: rolloutKey(name), ...options },
      rolloutForm.toBytes(record),
      expected,
    );
    this.#records.note(rolloutKey(name), record, revision);
    return revision;
  }

  async remove(name: RolloutName, expectedRevision: number, options: StoreCallOptions = {}): Promise<void> {
    await this.#context.store.delete(BUCKETS.rollout, rolloutKey(name), { ...options, expectedRevision });
    this.#records.forget(rolloutKey(name));
  }

  /** Stores a part of a plan, and how far its devices are. */
  async putPart(
    plan: PlanName,
    index: number,
    part: PlanPart,
    devices: readonly DeviceProgress[],
    options: StoreCallOptions = {},
  ): Promise<void> {
    const { store } = this.#context;
    await store.put(BUCKETS.rolloutPart, partKey(plan, "plan", index), planPartForm.toBytes(part), options);
    const progress = progressPartForm.toBytes({ devices });
    await store.put(BUCKETS.rolloutPart, partKey(plan, "progress", index), progress, options);
  }

  /** Adds a part to a plan whose record does not count it yet; one that nobody counted takes its place. */
  async addPart(
    plan: PlanName,
    index: number,
    part: PlanPart,
    devices: readonly DeviceProgress[],
    options: StoreCallOptions = {},
  ): Promise<number> {
    const { store } = this.#context;
    const key = partKey(plan, "progress", index);
    const left = await store.get(BUCKETS.rolloutPart, key, options);
    const value = planPartForm.toBytes(part);
    await store.put(BUCKETS.rolloutPart, partKey(plan, "plan", index), value, options);
    const progress = progressPartForm.toBytes({ devices });
    return await writeInPlace(
      this.#context,
      { bucket: BUCKETS.rolloutPart, key, ...options },
      progress,
      left?.revision,
    );
  }

  async part(plan: PlanName, index: number, options: StoreCallOptions = {}): Promise<PlanPart> {
    return (await this.#read(partKey(plan, "plan", index), planPartForm, options)).value;
  }

  async progress(plan: PlanName, index: number, options: StoreCallOptions = {}): Promise<StoredProgress> {
    const { value, revision } = await this.#read(partKey(plan, "progress", index), progressPartForm, options);
    return { devices: value.devices, revision };
  }

  /** How far all devices of a plan are, part by part. */
  async allProgress(plan: PlanName, parts: number, options: StoreCallOptions = {}): Promise<readonly StoredProgress[]> {
    return await forEachBounded(parts, AT_ONCE, (index) => this.progress(plan, index, options));
  }

  /** Writes how far the devices of a part are, if nobody else has since. Throws `conflict`. */
  async putProgress(
    plan: PlanName,
    index: number,
    { devices, revision }: StoredProgress,
    options: StoreCallOptions = {},
  ): Promise<number> {
    const value = progressPartForm.toBytes({ devices });
    const place = { bucket: BUCKETS.rolloutPart, key: partKey(plan, "progress", index), ...options };
    return await writeInPlace(this.#context, place, value, revision);
  }

  async putSummary(plan: PlanName, summary: PlanSummary, options: StoreCallOptions = {}): Promise<void> {
    const value = planSummaryForm.toBytes(summary);
    await this.#context.store.put(BUCKETS.rolloutPart, partKey(plan, "summary"), value, options);
  }

  async summary(plan: PlanName, options: StoreCallOptions = {}): Promise<PlanSummary> {
    return (await this.#read(partKey(plan, "summary"), planSummaryForm, options)).value;
  }

  /** Deletes a plan that no record names any more. */
  async removePlan({ tenant, plan }: PlanName, options: StoreCallOptions = {}): Promise<void> {
    const { store } = this.#context;
    const keys = await store.keys(BUCKETS.rolloutPart, { keys: `${tenant}.${plan}.*`, ...options });
    await forEachBounded(keys.length, AT_ONCE, (index) =>
      store.delete(BUCKETS.rolloutPart, keys[index] as string, options),
    );
  }

  async #read<Value>(
    key: string,
    form: RecordForm<Value>,
    options: StoreCallOptions,
  ): Promise<{ readonly value: Value; readonly revision: number }> {
    const entry = await this.#context.store.get(BUCKETS.rolloutPart, key, options);
    if (entry !== undefined) return { value: form.fromBytes(entry.value), revision: entry.revision };
    throw new MpoError("not-found", `the store has no part ${key} of a rollout`, {
      hint: "The store was put back, or damaged: remove the rollout, and plan it again.",
    });
  }
}

function partKey({ tenant, plan }: PlanName, kind: "plan" | "progress" | "summary", index = 0): string {
  return `${tenant}.${plan}.${kind}-${index}`;
}
