import { type Chain, chainSchema, fact, type Profile, profileSchema } from "@mpo/core";
import type { HelloRequest, ServedModel } from "@mpo/protocol";
import { isTransient, type Logger } from "@mpo/runtime";
import { decodeStored, encodeStored } from "../config/stored-config.ts";
import { readStored } from "../config/stored-file.ts";
import type { Disk } from "../ports/disk.ts";

const schema = fact.object({ report: fact.name(), profile: profileSchema, chain: chainSchema });

/** A profile as it was reported. */
export interface ToldProfile {
  /** Name of the report: told again, it is the same report. */
  readonly report: string;
  readonly profile: Profile;
  readonly chain: Chain;
}

const fileOf = (model: string): string => `reported-${model}`;

/** The newest profile of each model that was reported: a coordinator that has lost it gets it again, without a probe. */
export class ToldProfiles {
  readonly #disk: Disk;
  readonly #logger: Logger;
  readonly #measuredAtMs = new Map<string, number | undefined>();

  constructor({ disk, logger }: { readonly disk: Disk; readonly logger: Logger }) {
    this.#disk = disk;
    this.#logger = logger;
  }

  /** Keeps a profile. A full disk is logged, not thrown: it costs no more than another probe. */
  async keep(told: ToldProfile): Promise<void> {
    const { name } = told.profile.model;
    try {
      await this.#disk.write(fileOf(name), encodeStored({ ...told }));
      this.#measuredAtMs.set(name, told.profile.measuredAtMs);
    } catch (thrown) {
      if (!isTransient(thrown)) throw thrown;
      this.#logger.error("a reported profile could not be kept", { model: name, err: thrown });
    }
  }

  /** What was reported of a model; undefined: nothing that this release can read. */
  async read(model: string): Promise<ToldProfile | undefined> {
    const decode = (bytes: Uint8Array): ToldProfile => decodeStored(bytes, "a reported profile", schema);
    const told = await readStored(this.#disk, fileOf(model), decode, this.#logger);
    this.#measuredAtMs.set(model, told?.profile.measuredAtMs);
    return told;
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
