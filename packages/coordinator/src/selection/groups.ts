import { type Fact, MpoError, parseFilter, termsOf } from "@mpo/core";
import { MAX_GROUPS, schemas } from "@mpo/protocol";
import { BUCKETS, type StoreCallOptions } from "@mpo/transport";
import type { StoreContext } from "../store/change-entry.ts";
import { recordForm } from "../store/records.ts";
import { WatchedMap, type Watching } from "../store/watched-map.ts";

/** A filter that was saved under a name. */
export type SavedGroup = Fact<typeof schemas.savedGroup>;
const form = recordForm("group", schemas.savedGroup);

/** Filters that were saved under names: devices that they choose belong to the group, those too that come later. */
export class Groups {
  readonly #context: StoreContext;
  readonly #groups: WatchedMap<SavedGroup>;

  constructor(context: StoreContext) {
    this.#context = context;
    this.#groups = new WatchedMap(context, { bucket: BUCKETS.group, read: ({ value }) => form.fromBytes(value) });
  }

  get watches(): readonly Watching[] {
    return [this.#groups];
  }

  /** Sorted by name. */
  list(tenant: string): readonly SavedGroup[] {
    return [...this.#groups.entries()]
      .flatMap(([, { value }]) => (value.tenant === tenant ? value : []))
      .sort((left, right) => Number(left.name > right.name) - Number(left.name < right.name));
  }

  /** The filters' texts by their names. */
  texts(tenant: string): ReadonlyMap<string, string> {
    return new Map(this.list(tenant).map(({ name, where }) => [name, where]));
  }

  /** Saves a group, or changes it. Throws `invalid-argument` for a filter that is not right, or would be part of itself. */
  async save(order: Omit<SavedGroup, "savedAtMs">, options: StoreCallOptions = {}): Promise<SavedGroup> {
    const { tenant, name, where } = order;
    const groups = this.texts(tenant);
    parseFilter(where, { groups, savedAs: name });
    if (groups.size >= MAX_GROUPS && !groups.has(name)) {
      throw new MpoError("precondition-failed", `tenant ${tenant} has ${groups.size} groups, and may not have more`, {
        hint: "Remove one that nobody uses: mpo groups list, mpo groups remove NAME.",
      });
    }
    const group: SavedGroup = { ...order, savedAtMs: this.#context.clock.now() };
    const key = keyOf(group);
    const revision = await this.#context.store.put(BUCKETS.group, key, form.toBytes(group), options);
    this.#groups.note(key, group, revision);
    return group;
  }

  /** Throws `not-found`, and `precondition-failed` while another group is made of it. */
  async remove(tenant: string, name: string, options: StoreCallOptions = {}): Promise<void> {
    const texts = this.texts(tenant);
    if (!texts.has(name)) {
      throw new MpoError("not-found", `there is no group ${name} of tenant ${tenant}`, {
        hint: "List those that are saved: mpo groups list.",
      });
    }
    const users = [...texts].flatMap(([user, where]) => (namesGroup(where, name) ? user : []));
    if (users.length > 0) {
      throw new MpoError("precondition-failed", `group ${name} is part of group ${users.join(", ")}`, {
        hint: "Change or remove that one first.",
      });
    }
    const key = keyOf({ tenant, name });
    await this.#context.store.delete(BUCKETS.group, key, options);
    this.#groups.forget(key);
  }
}

function keyOf({ tenant, name }: Pick<SavedGroup, "tenant" | "name">): string {
  return `${tenant}.${name}`;
}

/** Whether a filter names a group itself. */
export function namesGroup(where: string, group: string): boolean {
  return [...termsOf(parseFilter(where))].some((term) => term.kind === "group" && term.name === group);
}
