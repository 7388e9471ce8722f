import { formatVersion, given, hasCode, MpoError } from "@mpo/core";
import type { DesiredDocument, ServedModel } from "@mpo/protocol";
import type { AgentParts } from "../core/agent-parts.ts";
import type { Finding } from "../core/conditions.ts";
import type { Documents } from "../core/documents.ts";
import { isServed } from "./is-served.ts";
import type { ModelFetch } from "./model-fetch.ts";

export interface SwitchParts extends Pick<AgentParts, "ports" | "store" | "memory"> {
  readonly documents: Documents;
  /** Absent: this agent fetches no models. */
  readonly fetch: ModelFetch | undefined;
  /** Other weights serve: what was learned of the inputs' drift is of the old ones. */
  readonly onSwitched: (model: string) => Promise<void>;
}

/** Probes in a row after which a version that nobody could measure is given up. */
const MOST_PROBE_FAILURES = 3;

/**
 * Keeps the model that serves the one that the document in use is for. It is the only place that changes it, between two
 * pieces of work, so that nothing trains on one model and is published over another.
 */
export class ModelSwitch {
  readonly #parts: SwitchParts;
  #problem: string | undefined;

  constructor(parts: SwitchParts) {
    this.#parts = parts;
  }

  /** What is wrong with it now. */
  get findings(): readonly Finding[] {
    return this.#problem === undefined ? [] : [{ code: "not-writable", subject: "model", message: this.#problem }];
  }

  /** Puts the model of the document in use in use too, if it is here. Returns the models that are served then. */
  async follow(models: readonly ServedModel[]): Promise<readonly ServedModel[]> {
    const { ports, store, documents } = this.#parts;
    documents.models = models;
    const wanted = this.#wanted();
    const served = wanted && models.find(({ name }) => name === wanted.model);
    if (wanted === undefined || served === undefined || isServed(served, wanted)) return models;
    const { model, artifact } = wanted;
    const { shelf } = ports.artifacts ?? {};
    if (shelf === undefined) return models;
    if (artifact !== undefined && !(await shelf.has(model, artifact))) {
      if (!documents.isWaiting) this.#parts.fetch?.want({ model, artifact });
      return models;
    }
    try {
      await shelf.use(model, artifact);
    } catch (thrown) {
      const { code, message } = MpoError.from(thrown);
      if (code === "cancelled") throw thrown;
      if (code === "invalid-data" && store.document !== undefined) {
        await documents.giveUp(store.document.version, message);
      } else {
        // A full disk, or a folder of somebody else's: tried again with the next look, other work goes on.
        if (this.#problem === undefined) ports.logger.error("a model could not be put in use", { model, err: thrown });
        this.#problem = `${model} could not be put in use: ${message}`;
      }
      return models;
    }
    this.#problem = undefined;
    const version = artifact === undefined ? "as deployed" : artifact.version;
    ports.logger.info("another version of a model is in use", { model, version, before: served.artifact?.version });
    await this.#remember(model, served);
    await this.#parts.onSwitched(model);
    const now = await ports.serving.models();
    documents.models = now;
    await documents.reportRung(undefined);
    return now;
  }

  /** A probe of a version that was not measured before says whether it can be used. `failure`: undefined: it was measured. */
  async probed(model: string, failure: MpoError | undefined): Promise<void> {
    const { store, memory, documents } = this.#parts;
    const { document } = store;
    if (document === undefined || document.model !== model || document.rungs.length > 0) return;
    if (!documents.isServed(document)) return;
    if (failure === undefined) return await documents.confirm(document.version, undefined);
    const isOfModel = hasCode(failure, "invalid-data", "unsupported", "not-found", "invalid-argument");
    const failures = memory.state.probes[model]?.failures ?? 0;
    if (isOfModel || failures >= MOST_PROBE_FAILURES) await documents.giveUp(document.version, failure.message);
  }

  /** What should serve: as the document in use says; after one that was given up for nothing, as before it. */
  #wanted(): Pick<DesiredDocument, "model" | "artifact"> | undefined {
    const { store, memory } = this.#parts;
    const { document, floor, isGivenUp } = store;
    const { switched } = memory.state;
    const isReturn =
      switched !== undefined &&
      isGivenUp &&
      floor !== undefined &&
      formatVersion(floor) === switched.version &&
      document?.model !== switched.model;
    return isReturn ? { model: switched.model, ...given({ artifact: switched.from }) } : document;
  }

  async #remember(model: string, served: ServedModel): Promise<void> {
    const { store, memory } = this.#parts;
    const { document } = store;
    if (document?.model !== model || document.artifact === undefined) return;
    const version = formatVersion(document.version);
    await memory.change({ switched: { model, version, ...given({ from: served.artifact }) } });
  }
}
