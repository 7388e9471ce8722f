import { Turns } from "@mpo/io";
import {
  compareVersions,
  type DesiredDocument,
  type DesiredEnvelope,
  type DocumentVersion,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
} from "@mpo/protocol";
import type { Logger } from "@mpo/runtime";
import type { Disk } from "../ports/disk.ts";
import { checkDocument, type DocumentContext, floorOf, type Refusal } from "./document-check.ts";
import { configSchema, floorSchema, type StoredConfig, type VersionFloor } from "./stored-config.ts";
import { encodeStored, readStored } from "./stored-file.ts";

const FLOOR_FILE = "version-floor";
const CONFIG_FILE = "config";
const NO_CONFIG: StoredConfig = { isConfirmed: false };

/** What became of an offered envelope. */
export type Offer =
  | { readonly kind: "applied"; readonly document: DesiredDocument }
  /** It is what the device has, or has given up on: nothing to do. */
  | { readonly kind: "known" }
  /** It is good, and its model is not here yet: offer it again then. */
  | { readonly kind: "waits"; readonly document: DesiredDocument }
  | Refusal;

export interface OfferContext extends Omit<DocumentContext, "floor"> {
  /** Whether what a document needs is on the device, so that it can be put in use. Default: it is. */
  readonly isAtHand?: (document: DesiredDocument) => Promise<boolean>;
}

/**
 * The documents of a device. A document is written down as the newest (its floor) before it is put in use, so that a
 * crash at any moment leaves the old one or the new one in use, and never lets an older one in again.
 */
export class ConfigStore {
  readonly #disk: Disk;
  #floor: VersionFloor | undefined;
  #isGivenUp: boolean;
  #stored: StoredConfig;
  #document: DesiredDocument | undefined;
  readonly #turns = new Turns();

  private constructor(disk: Disk, floor: VersionFloor | undefined, isGivenUp: boolean, stored: StoredConfig) {
    this.#disk = disk;
    this.#floor = floor;
    this.#isGivenUp = isGivenUp;
    this.#stored = stored;
    this.#document = documentIn(stored.current);
  }

  /**
   * Reads what the last process left. A damaged file is set aside and logged: a lost floor is as that of a new device, a
   * lost configuration comes again from the coordinator.
   */
  static async open(disk: Disk, logger: Logger): Promise<ConfigStore> {
    const floor = await readStored({ disk, logger }, FLOOR_FILE, floorSchema);
    const found = (await readStored({ disk, logger }, CONFIG_FILE, configSchema)) ?? NO_CONFIG;
    const current = readable(found.current) ?? readable(found.lastGood);
    if (current !== found.current)
      logger.warn("the document in use cannot be read by this release: the coordinator's next one takes its place", {});
    const isConfirmed = found.isConfirmed || current !== found.current;
    const stored = { current, lastGood: readable(found.lastGood), isConfirmed };
    const inUse = documentIn(current);
    // Only when the floor's file was lost: what is in use is then the least.
    const least = floor ?? (inUse === undefined ? undefined : floorOf(inUse));
    const isGivenUp = least !== undefined && (await disk.read(failedFile(least))) !== undefined;
    return new ConfigStore(disk, least, isGivenUp, stored);
  }

  get document(): DesiredDocument | undefined {
    return this.#document;
  }

  /** The document in use as it came. */
  get envelope(): DesiredEnvelope | undefined {
    return this.#stored.current === undefined ? undefined : envelopeIn(this.#stored.current);
  }

  /** The newest document ever accepted. */
  get floor(): VersionFloor | undefined {
    return this.#floor;
  }

  /** Whether that was given up: an older one, which was good, or none is in use. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** What is fallen back to; undefined: nothing has proved itself. */
  get lastGood(): DesiredDocument | undefined {
    return documentIn(this.#stored.lastGood);
  }

  get isConfirmed(): boolean {
    return this.#stored.isConfirmed;
  }

  /**
   * Takes an envelope if it is good and newer, and puts it in use. Throws `unavailable` when the disk is full: the old
   * document then stays in use, and the same envelope may be offered again.
   */
  offer(envelope: Uint8Array, { isAtHand, ...context }: OfferContext): Promise<Offer> {
    return this.#turns.take(async () => {
      const verdict = checkDocument(envelope, { ...context, floor: this.#floor });
      if (verdict.kind === "refused") return verdict;
      const { document, floor } = verdict;
      if (this.#document !== undefined && compareVersions(document.version, this.#document.version) === 0) {
        return { kind: "known" };
      }
      // In use is an older one although this was accepted: the device was cut off in between, or gave it up.
      const isNew = this.#floor === undefined || compareVersions(floor, this.#floor) > 0;
      if (this.#isGivenUp && !isNew) return { kind: "known" };
      if ((await isAtHand?.(document)) === false) return { kind: "waits", document };
      if (isNew) {
        await this.#disk.write(FLOOR_FILE, encodeStored(floor));
        const given = this.#floor;
        this.#floor = floor;
        this.#isGivenUp = false;
        if (given !== undefined) await this.#disk.remove(failedFile(given));
      }
      const lastGood = this.#stored.isConfirmed ? this.#stored.current : this.#stored.lastGood;
      await this.#store({ current: Buffer.from(envelope).toString("base64"), lastGood, isConfirmed: false });
      return { kind: "applied", document };
    });
  }

  /** Says that a retraining under the document stayed within its bounds. False when it was known or is not in use. */
  confirm(version: DocumentVersion): Promise<boolean> {
    return this.#turns.take(async () => {
      if (this.#stored.isConfirmed || !this.#isInUse(version)) return false;
      await this.#store({ ...this.#stored, lastGood: this.#stored.current, isConfirmed: true });
      return true;
    });
  }

  /** Gives up the document in use, for the last good one or none. False when another is in use by now. */
  giveUp(version: DocumentVersion): Promise<boolean> {
    return this.#turns.take(async () => {
      if (!this.#isInUse(version)) return false;
      const { lastGood } = this.#stored;
      const hasOther = lastGood !== undefined && lastGood !== this.#stored.current;
      await this.#disk.write(failedFile(version), encodeStored({}));
      this.#isGivenUp = true;
      await this.#store({
        current: hasOther ? lastGood : undefined,
        lastGood: hasOther ? lastGood : undefined,
        isConfirmed: hasOther,
      });
      return true;
    });
  }

  #isInUse(version: DocumentVersion): boolean {
    return this.#document !== undefined && compareVersions(version, this.#document.version) === 0;
  }

  async #store(stored: StoredConfig): Promise<void> {
    await this.#disk.write(CONFIG_FILE, encodeStored(stored));
    this.#stored = stored;
    this.#document = documentIn(stored.current);
  }
}

function failedFile({ epoch, version }: DocumentVersion): string {
  return `failed-${epoch}-${version}`;
}

function envelopeIn(packed: string): DesiredEnvelope {
  return desiredEnvelopeCodec.fromBytes(Buffer.from(packed, "base64"));
}

function documentIn(packed: string | undefined): DesiredDocument | undefined {
  return packed === undefined ? undefined : desiredDocumentCodec.fromBytes(envelopeIn(packed).document);
}

function readable(packed: string | undefined): string | undefined {
  try {
    documentIn(packed);
    return packed;
  } catch {
    return undefined;
  }
}
