import { isDeepStrictEqual } from "node:util";
import { formatVersion, given, MpoError } from "@mpo/core";
import {
  type ArtifactVersion,
  asLine,
  type DesiredDocument,
  type DocumentState,
  type DocumentVersion,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
  deviceKey,
  type ServedModel,
} from "@mpo/protocol";
import { isServed } from "../models/is-served.ts";
import type { WantedVersion } from "../models/model-fetch.ts";
import { documentExcess } from "../policy/owner-limits.ts";
import { idleBytesOf, methodsOfDocument } from "../work/allowances.ts";
import type { AgentParts } from "./agent-parts.ts";

/** The parts that documents go through. */
export interface DocumentParts
  extends Pick<AgentParts, "settings" | "ports" | "inventory" | "store" | "outbox" | "time" | "memory" | "limits"> {
  /** Called after another document came in use. */
  readonly onChange: () => void;
  /** Called with the published version that is to be fetched before a document can be put in use; undefined: none is. */
  readonly onWaits: (wanted: WantedVersion | undefined) => void;
}

/** Takes envelopes from wherever they come, and reports what became of them. */
export class Documents {
  readonly #parts: DocumentParts;
  /** What was reported last of the document in use, so that nothing is reported twice. */
  #reported = "";
  #lastRefusal = "";
  #refusal: string | undefined;
  #hasFailed = false;
  /** Models as they were looked at last. */
  models: readonly ServedModel[] = [];
  /** The newest good envelope, which waits for its model. */
  /** The last one whose model will not come. */
  #notFetched = "";
  #waiting: { readonly envelope: Uint8Array; readonly version: string } | undefined;

  constructor(parts: DocumentParts) {
    this.#parts = parts;
  }

  /** Whether the last envelope could not be taken, although it may be good. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Why the last envelope was refused; undefined: it was taken. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Why nothing of the document in use may run; undefined: some of it may, or none is in use. */
  get excess(): string | undefined {
    const { document } = this.#parts.store;
    const excess = document === undefined ? undefined : this.#excessOf(document);
    return excess === undefined ? undefined : `over-limits: ${excess}`;
  }

  /** Whether the model of a document is the one that is served, and the device what it was searched for. */
  isServed(document: DesiredDocument): boolean {
    // In another power mode nothing of what was predicted holds: a new one comes with the new profile.
    if (document.deviceClass !== this.#parts.inventory.deviceClass) return false;
    return isServed(
      this.models.find(({ name }) => name === document.model),
      document,
    );
  }

  /** Whether a good document waits for its model. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** The model that a document waited for is here. */
  async fetched(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) await this.offer(waiting.envelope);
  }

  /** The model that a document waits for, or that the one in use is for, will not come. */
  async notFetched(artifact: ArtifactVersion, message: string): Promise<void> {
    const { ports, store } = this.#parts;
    const waiting = this.#waiting;
    const { document } = store;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      const { version } = desiredDocumentCodec.fromBytes(desiredEnvelopeCodec.fromBytes(waiting.envelope).document);
      this.#notFetched = waiting.version;
      await this.#refuse("not-fetched", message, version);
    } else if (document?.artifact?.digest === artifact.digest) await this.giveUp(document.version, message);
    else ports.logger.warn("a published model will not come", { artifact: artifact.digest, reason: message });
  }

  /** Reports the status of the document in use again: the coordinator lacks it. */
  async reportAgain(rung: number | undefined): Promise<void> {
    this.#reported = "";
    await this.reportRung(rung);
  }

  /** Offers an envelope. Never throws but for `cancelled`: a full disk is logged, and the next heartbeat tries again. */
  async offer(envelope: Uint8Array): Promise<void> {
    const { settings, ports } = this.#parts;
    const parent = ports.tracing === undefined ? undefined : traceparentOf(envelope);
    if (ports.tracing === undefined || parent === undefined) {
      await this.#offer(envelope, undefined);
      return;
    }
    const span = { name: "take configuration", kind: "consumer", parent } as const;
    const attributes = { "mpo.device": deviceKey(settings.identity) };
    await ports.tracing.span({ ...span, attributes }, async (own) => {
      own?.note("mpo.outcome", await this.#offer(envelope, own?.traceId));
    });
  }

  /** Returns what became of it. `traceId`: of the trace that it is in. */
  async #offer(envelope: Uint8Array, traceId: string | undefined): Promise<string> {
    const { settings, ports, inventory, store, time, onChange, onWaits } = this.#parts;
    const { verify, logger } = ports;
    const { identity } = settings;
    const { deviceClass } = inventory;
    this.#hasFailed = false;
    try {
      this.models = await ports.serving.models();
      const models = this.models.map(({ name }) => name);
      // What is in use under another version, such as when it is given back, asks for no more: limits hold for its rungs.
      // With a check it asks for that.
      const excess = (document: DesiredDocument): string | undefined =>
        document.check !== true && isDeepStrictEqual(askedOf(document), askedOf(store.document))
          ? undefined
          : this.#excessOf(document);
      const isAtHand = async ({ model, artifact }: DesiredDocument): Promise<boolean> =>
        artifact === undefined || (await ports.artifacts?.shelf.has(model, artifact)) === true;
      const context = { identity, deviceClass, models, nowMs: time.nowMs(), excess, verify, isAtHand };
      const offer = await store.offer(envelope, context);
      if (offer.kind === "waits") await this.#wait(envelope, offer.document);
      else if (offer.kind !== "refused") this.#refusal = undefined;
      if (offer.kind === "applied") {
        if (this.#waiting !== undefined) onWaits(undefined);
        this.#waiting = undefined;
        time.hasPassed(offer.document.issuedAtMs);
        const { version, model } = offer.document;
        logger.info("a new configuration is in use", { version, model, ...given({ traceId }) });
        onChange();
        await this.reportRung(undefined);
      } else if (offer.kind === "refused") {
        await this.#refuse(offer.reason, offer.message, offer.version);
      }
      return offer.kind;
    } catch (thrown) {
      const error = MpoError.from(thrown);
      if (error.code === "cancelled") throw error;
      this.#hasFailed = true;
      logger.error("a configuration could not be taken; the last good one stays in use", { err: error });
      return error.code;
    }
  }

  /** Reports which rung of the document is in use; nothing when that was reported already. */
  async reportRung(rung: number | undefined): Promise<void> {
    const { store } = this.#parts;
    const { document } = store;
    if (document === undefined) return;
    const inUse: DocumentState = store.isConfirmed ? "confirmed" : "applied";
    const state = document.artifact === undefined || this.isServed(document) ? inUse : "accepted";
    const report = JSON.stringify([document.version, state, rung]);
    if (report === this.#reported) return;
    this.#reported = report;
    await this.#report(document.version, state, rung, "");
  }

  /** A retraining stayed within its bounds: the document is good. */
  async confirm(version: DocumentVersion, rung: number | undefined): Promise<void> {
    if (await this.#parts.store.confirm(version)) await this.reportRung(rung);
  }

  /** No rung of the document can be run: back to the last good one. */
  async giveUp(version: DocumentVersion, message: string): Promise<void> {
    if (!(await this.#parts.store.giveUp(version))) return;
    this.#parts.ports.logger.warn("a configuration is given up", { version, reason: message });
    await this.#report(version, "failed", undefined, message);
    this.#parts.onChange();
    await this.reportRung(undefined);
  }

  /** The document in use stays until the new one's model is here. */
  async #wait(envelope: Uint8Array, { version: position, model, artifact }: DesiredDocument): Promise<void> {
    const { ports, onWaits } = this.#parts;
    const version = formatVersion(position);
    if (this.#notFetched === version || this.#waiting?.version === version) return;
    if (ports.artifacts === undefined || artifact === undefined) {
      return await this.#refuse("not-fetched", "this agent fetches no models", position);
    }
    this.#refusal = undefined;
    this.#waiting = { envelope, version };
    ports.logger.info("a new configuration waits for its model", { version, model });
    this.#reported = JSON.stringify([position, "accepted", undefined]);
    await this.#report(position, "accepted", undefined, "its model is fetched");
    onWaits({ model, artifact });
  }

  #excessOf(document: DesiredDocument): string | undefined {
    const { limits, settings } = this.#parts;
    const idleBytes = idleBytesOf(this.#parts, document.model);
    return documentExcess(limits.limits, document, {
      methods: methodsOfDocument(document, settings.methods),
      idleBytes,
    });
  }

  async #refuse(reason: string, message: string, version: DocumentVersion | undefined): Promise<void> {
    const { ports, store } = this.#parts;
    // An old push that comes late is nothing wrong.
    if (reason !== "older") this.#refusal = `${reason}: ${message}`;
    const refusal = JSON.stringify([reason, version]);
    if (refusal === this.#lastRefusal) return;
    this.#lastRefusal = refusal;
    ports.logger.warn("a configuration was refused", { reason, message, version });
    // What is in use must not be reported as refused.
    const isInUse = JSON.stringify(store.document?.version) === JSON.stringify(version);
    if (version !== undefined && reason !== "older" && !isInUse) {
      await this.#report(version, "refused", undefined, `${reason}: ${message}`);
    }
  }

  async #report(
    version: DocumentVersion,
    state: DocumentState,
    rung: number | undefined,
    message: string,
  ): Promise<void> {
    const document = { version, state, ...given({ rung }), message: asLine(message) };
    const { outbox, time } = this.#parts;
    await outbox.addStatus({ kind: "document", document }, Math.max(0, Math.round(time.nowMs())));
  }
}

/** What an owner's limits look at. */
function askedOf(document: DesiredDocument | undefined): unknown {
  const { model, rungs, chosenRung, hours, method } = document ?? {};
  return { model, rungs, chosenRung, hours, method };
}

/** The span that caused an envelope; undefined: none, or it cannot be read. */
function traceparentOf(envelope: Uint8Array): string | undefined {
  try {
    return desiredEnvelopeCodec.fromBytes(envelope).traceparent;
  } catch {
    return undefined;
  }
}
