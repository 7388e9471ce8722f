import { chainSchema, type Fact, fact, profileSchema } from "@mpo/core";
import type { HelloRequest, ServedModel } from "@mpo/protocol";
import { type FilePlace, keepStored, readStored } from "../config/stored-file.ts";

/** A profile as it was reported. Reported again under its name, it is the same report. */
export type ReportedProfile = Fact<typeof schema>;
const schema = fact.object({ report: fact.name(), profile: profileSchema, chain: chainSchema });

const fileOf = (model: string): string => `reported-${model}`;

/** The newest profile of each model that was reported: a coordinator that has lost it gets it again, without a probe. */
export class ReportedProfiles {
  readonly #place: FilePlace;
  readonly #measuredAtMs = new Map<string, number | undefined>();

  constructor(place: FilePlace) {
    this.#place = place;
  }

  async keep(reported: ReportedProfile): Promise<void> {
    const { name } = reported.profile.model;
    const isKept = await keepStored(this.#place, fileOf(name), reported);
    if (isKept) this.#measuredAtMs.set(name, reported.profile.measuredAtMs);
  }

  /** What was reported of a model; undefined: nothing that this release can read. */
  async read(model: string): Promise<ReportedProfile | undefined> {
    const reported = await readStored(this.#place, fileOf(model), schema);
    this.#measuredAtMs.set(model, reported?.profile.measuredAtMs);
    return reported;
  }

  /** When the profiles of these models were measured, as far as there are any. */
  async of(models: readonly ServedModel[]): Promise<HelloRequest["profiles"]> {
    const found: { readonly model: string; readonly measuredAtMs: number }[] = [];
    for (const { name: model } of models) {
      if (!this.#measuredAtMs.has(model)) await this.read(model);
      const measuredAtMs = this.#measuredAtMs.get(model);
      if (measuredAtMs !== undefined) found.push({ model, measuredAtMs });
    }
    return found;
  }
}
