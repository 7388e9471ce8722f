import { type Filter, hasCode, matches, parseFilter, termsOf } from "@mpo/core";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { Registry } from "../registry/registry.ts";
import { type FactParts, factsOf } from "./device-facts.ts";
import type { Groups } from "./groups.ts";

export interface SelectionParts extends FactParts {
  readonly registry: Pick<Registry, "devices" | "seen">;
  readonly groups: Pick<Groups, "texts">;
}

/** Chooses devices by filters. Takes time in proportion to the fleet: some milliseconds for 10,000 devices. */
export class Selection {
  readonly #parts: SelectionParts;

  constructor(parts: SelectionParts) {
    this.#parts = parts;
  }

  /**
   * The devices of a tenant that a filter chooses (absent: all), in no order. Retired ones are left out unless the filter
   * names them: `state = retired`. Throws `invalid-argument` for a filter that is not right.
   */
  select(tenant: string, where?: string): readonly DeviceRecord[] {
    const filter = where === undefined ? undefined : parseFilter(where, { groups: this.#parts.groups.texts(tenant) });
    const chosen: DeviceRecord[] = [];
    for (const device of this.#parts.registry.devices({ withRetired: filter !== undefined && namesRetired(filter) })) {
      if (device.identity.tenant !== tenant) continue;
      if (filter === undefined || matches(filter, factsOf(this.#parts, device))) chosen.push(device);
    }
    return chosen;
  }

  /** How many devices a group has now; undefined: its filter cannot be read any more. */
  count(tenant: string, where: string): number | undefined {
    try {
      return this.select(tenant, where).length;
    } catch (thrown) {
      if (hasCode(thrown, "invalid-argument")) return undefined;
      throw thrown;
    }
  }
}

function namesRetired(filter: Filter): boolean {
  return [...termsOf(filter)].some(
    (term) => term.kind === "compare" && term.attribute === "state" && term.value === "retired",
  );
}
