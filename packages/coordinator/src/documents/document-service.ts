import { formatVersion, given, MpoError } from "@mpo/core";
import {
  compareVersions,
  type DesiredDocument,
  type DesiredEnvelope,
  type DeviceIdentity,
  type DocumentSignature,
  type DocumentVersion,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
  deviceKey,
  type Explanation,
} from "@mpo/protocol";
import { BUCKETS, type ReadOptions, type StoreCallOptions, type StoreEntry } from "@mpo/transport";
import { changeEntry, type StoreContext } from "../store/change-entry.ts";
import { WatchedMap, type Watching } from "../store/watched-map.ts";
import { writeInPlace } from "../store/write-in-place.ts";
import {
  type ArchiveRecord,
  archivedDocument,
  archiveFromBytes,
  archiveToBytes,
  documentDigest,
  EMPTY_ARCHIVE,
  MAX_DOCUMENTS,
  renamedArchive,
  renamedDocument,
  withNext,
} from "./archive-record.ts";
import { type DocumentContent, documentToBytes, nextVersion } from "./make-document.ts";

/** Signs documents, and says by keys of which epoch. */
export interface DocumentSigner {
  readonly epoch: number;
  sign(bytes: Uint8Array): readonly DocumentSignature[];
}

/** Where nobody proves who they are. */
const UNSIGNED: DocumentSigner = { epoch: 1, sign: () => [] };

export interface DocumentOptions {
  /** How long a document may still be applied for the first time, milliseconds. */
  readonly validMs: number;
  readonly signer?: DocumentSigner | undefined;
}

/** The newest document of a device, as it is in the store. */
export interface CurrentDocument {
  readonly document: DesiredDocument;
  readonly envelope: DesiredEnvelope;
  /** What a push must expect. */
  readonly revision: number;
}

/** Which document is a device's newest, since when, and for which model. */
export type ShortDocument = Pick<DesiredDocument, "version" | "issuedAtMs" | "model">;

/** What of a document stays when another is searched for. */
export type KeptFacts = Pick<
  DesiredDocument,
  "version" | "artifact" | "budget" | "budgetSource" | "objective" | "reserveBytes" | "hours" | "method"
>;

/** A device's newest document, with what made it. */
export type NewestDocument = ShortDocument & KeptFacts & Pick<DesiredDocument, "request">;

/** A document that a request was answered with. */
export interface Answer {
  readonly document: DesiredDocument;
  /** The version that was the newest before it; undefined: there was none, or it is not kept any more. */
  readonly before: DocumentVersion | undefined;
}

/** A call that may be part of a trace, which a document takes with it to its device. */
export interface TracedCall extends StoreCallOptions {
  readonly traceparent?: string | undefined;
}

export interface Push {
  readonly content: DocumentContent;
  readonly explanation: Explanation;
  /** What it answers: a document is made once for each request. */
  readonly request: string;
  /** The newest version that the device knows. */
  readonly floor: DocumentVersion | undefined;
}

/** What devices are to run: one document each, replaced only by a newer one, by compare-and-set. */
export class DocumentService {
  readonly #context: StoreContext;
  readonly #newest: WatchedMap<NewestDocument>;
  readonly #validMs: number;
  readonly #signer: DocumentSigner;

  constructor(context: StoreContext, options: DocumentOptions) {
    this.#context = context;
    this.#validMs = options.validMs;
    this.#signer = options.signer ?? UNSIGNED;
    this.#newest = new WatchedMap(context, {
      bucket: BUCKETS.desired,
      read: (entry) => newestOf(currentOf(entry).document),
    });
  }

  get watches(): readonly Watching[] {
    return [this.#newest];
  }

  /** Of the keys that sign new documents. */
  get epoch(): number {
    return this.#signer.epoch;
  }

  /** Version of the newest document, as far as this coordinator has seen. */
  version(identity: DeviceIdentity): DocumentVersion | undefined {
    return this.newest(identity)?.version;
  }

  newest(identity: DeviceIdentity): NewestDocument | undefined {
    return this.#newest.get(deviceKey(identity))?.value;
  }

  /** The newest document, from the store. */
  async current(identity: DeviceIdentity, options: ReadOptions = {}): Promise<CurrentDocument | undefined> {
    const entry = await this.#context.store.get(BUCKETS.desired, deviceKey(identity), options);
    return entry === undefined ? undefined : currentOf(entry);
  }

  /** A document of a version, the newest or one before. Throws `not-found`. */
  async find(
    identity: DeviceIdentity,
    version: DocumentVersion | undefined,
    options: ReadOptions = {},
  ): Promise<DesiredDocument> {
    const current = await this.current(identity, options);
    if (current === undefined) throw noDocument(identity);
    if (version === undefined || compareVersions(current.document.version, version) === 0) return current.document;
    const archived = archivedDocument(await this.#archive(identity, options), version);
    if (archived !== undefined) return archived;
    throw new MpoError(
      "not-found",
      `device ${identity.device} has no document ${formatVersion(version)}; its newest is ${formatVersion(current.document.version)}, and ${MAX_DOCUMENTS} before it are kept`,
    );
  }

  /** The newest document for a model, of those that are kept; the device's newest may be for another one. */
  async newestFor(
    { identity, model }: { readonly identity: DeviceIdentity; readonly model: string },
    current: CurrentDocument | undefined,
    options: StoreCallOptions = {},
  ): Promise<DesiredDocument | undefined> {
    if (current === undefined || current.document.model === model) return current?.document;
    const { documents } = await this.#archive(identity, options);
    return documents.map(({ bytes }) => desiredDocumentCodec.fromBytes(bytes)).find((one) => one.model === model);
  }

  /** The newest document and why it is what it is. Throws `not-found`. */
  async explain(
    identity: DeviceIdentity,
    options: ReadOptions = {},
  ): Promise<{ readonly document: DesiredDocument; readonly explanation: Explanation }> {
    const current = await this.current(identity, options);
    if (current === undefined) throw noDocument(identity);
    const digest = documentDigest(current.envelope.document);
    const { explanations } = await this.#archive(identity, options);
    const kept = explanations.find((one) => one.digest === digest)?.explanation;
    return { document: current.document, explanation: kept ?? { considered: 0, overBudget: 0, rejected: [] } };
  }

  /** The document that was made for a request already: the newest one, or one of those before it that are kept. */
  async answerTo(
    identity: DeviceIdentity,
    request: string,
    current: CurrentDocument | undefined,
    options: StoreCallOptions = {},
  ): Promise<Answer | undefined> {
    if (current === undefined) return undefined;
    // Nothing is compared with it: what has been answered must be seen.
    const { documents } = await this.#archive(identity, { ...options, consistency: "confirmed" });
    // Newest first. A push that failed half-way has left the current one here too.
    const older = documents
      .map(({ bytes }) => desiredDocumentCodec.fromBytes(bytes))
      .filter(({ version }) => compareVersions(version, current.document.version) < 0);
    const all = [current.document, ...older];
    const index = all.findIndex((one) => one.request === request);
    const document = all[index];
    return document && { document, before: all[index + 1]?.version };
  }

  /**
   * Puts a document in the place of `current` (undefined: there is none). Throws `conflict` when another took that place
   * first. A push whose answer was lost is looked up, so that it counts once.
   */
  async push(
    identity: DeviceIdentity,
    push: Push,
    current: CurrentDocument | undefined,
    { traceparent, ...call }: TracedCall = {},
  ): Promise<DesiredDocument> {
    const stamp = {
      version: nextVersion(current?.document.version, push.floor, this.#signer.epoch),
      issuedAtMs: this.#context.clock.now(),
      validMs: this.#validMs,
      request: push.request,
    };
    const { document, bytes } = documentToBytes(push.content, stamp);
    // First into the archive: once the new document is there, the one before it is nowhere else.
    await this.#keep(identity, bytes, push.explanation, current, call);
    const envelope = { document: bytes, signatures: this.#signer.sign(bytes), ...given({ traceparent }) };
    const value = desiredEnvelopeCodec.toBytes(envelope);
    const key = deviceKey(identity);
    const place = { bucket: BUCKETS.desired, key, ...call };
    const revision = await writeInPlace(this.#context, place, value, current?.revision);
    this.#newest.note(key, newestOf(document), revision);
    return document;
  }

  /** Stores a device's documents under another name too, with the versions that they have. */
  async copyTo(identity: DeviceIdentity, renamed: DeviceIdentity, options: StoreCallOptions = {}): Promise<void> {
    const { store } = this.#context;
    const current = await this.current(identity, options);
    if (current === undefined) return;
    const archive = renamedArchive(await this.#archive(identity, options), current.envelope.document, renamed);
    await store.put(BUCKETS.archive, deviceKey(renamed), archiveToBytes(archive), options);
    const document = renamedDocument(current.envelope.document, renamed);
    const value = desiredEnvelopeCodec.toBytes({ document, signatures: this.#signer.sign(document) });
    await store.put(BUCKETS.desired, deviceKey(renamed), value, options);
  }

  async #keep(
    identity: DeviceIdentity,
    bytes: Uint8Array,
    explanation: Explanation,
    current: CurrentDocument | undefined,
    call: StoreCallOptions,
  ): Promise<void> {
    const next = { digest: documentDigest(bytes), explanation };
    const place = { bucket: BUCKETS.archive, key: deviceKey(identity), ...call };
    await changeEntry(this.#context, place, (entry) => {
      const archive = entry === undefined ? EMPTY_ARCHIVE : archiveFromBytes(entry.value);
      const kept = withNext(archive, { current: current?.envelope.document, next });
      return { value: archiveToBytes(kept), result: undefined };
    });
  }

  async #archive(identity: DeviceIdentity, options: ReadOptions): Promise<ArchiveRecord> {
    const entry = await this.#context.store.get(BUCKETS.archive, deviceKey(identity), options);
    return entry === undefined ? EMPTY_ARCHIVE : archiveFromBytes(entry.value);
  }
}

function currentOf({ value, revision }: StoreEntry): CurrentDocument {
  const envelope = desiredEnvelopeCodec.fromBytes(value);
  return { envelope, revision, document: desiredDocumentCodec.fromBytes(envelope.document) };
}

function noDocument({ device }: DeviceIdentity): MpoError {
  return new MpoError("not-found", `device ${device} has no document yet`, {
    hint: "It gets one when it has reported a profile: wait for its probe; the agent's log says how that goes.",
  });
}

function newestOf(document: DesiredDocument): NewestDocument {
  const { version, issuedAtMs, model, request, budget, budgetSource, objective } = document;
  const { artifact, reserveBytes, hours, method } = document;
  return {
    ...{ version, issuedAtMs, model, request, budget, budgetSource, objective },
    ...given({ artifact, reserveBytes, hours, method }),
  };
}
