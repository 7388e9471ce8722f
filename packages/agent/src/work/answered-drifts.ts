import {
  type DriftSignature,
  fact,
  MAX_NORMALISATION_BYTES,
  MOST_ANSWERED_DRIFTS,
  nearestBySignature,
  withAnswered,
} from "@mpo/core";
import { type ServedModel, schemas } from "@mpo/protocol";
import { type FilePlace, keepStored, readStored } from "../config/stored-file.ts";
import type { RetrainOutcome } from "../ports/agent-engine.ts";

const { digest, list, object, text } = fact;
const BASE64_BYTES = 3;
const BASE64_CHARACTERS = 4;
const storedSchema = object({
  manifestDigest: digest(),
  drifts: list(
    object({
      signature: schemas.signature,
      parameters: text(1, BASE64_CHARACTERS * Math.ceil(MAX_NORMALISATION_BYTES / BASE64_BYTES)),
    }),
    0,
    MOST_ANSWERED_DRIFTS,
  ),
});

/**
 * What this device itself has learned of drifts, by model, on its disk and bounded: one that comes back is answered by a
 * look-up, which the window's judge then tries. Read for a window, and not held between.
 */
export class AnsweredDrifts {
  readonly #place: FilePlace;

  constructor(place: FilePlace) {
    this.#place = place;
  }

  /** What was learned of the nearest drift; undefined: none is near. */
  async startFor(model: ServedModel, signature: DriftSignature | undefined): Promise<Uint8Array | undefined> {
    if (signature === undefined) return undefined;
    const found = nearestBySignature(signature, await this.#remembered(model));
    if (found === undefined) return undefined;
    this.#place.logger.info("a like drift was answered before", { model: model.name, distance: found.distance });
    return found.item.parameters;
  }

  /** Remembers what a window has learned, where that serves now. */
  async learned(
    model: ServedModel,
    signature: DriftSignature | undefined,
    { isAccepted, normalisation: parameters }: RetrainOutcome,
  ): Promise<void> {
    if (!isAccepted || signature === undefined || parameters === undefined) return;
    const drifts = withAnswered(await this.#remembered(model), { signature, parameters }).map((drift) => ({
      ...drift,
      parameters: Buffer.from(drift.parameters).toString("base64"),
    }));
    await keepStored(this.#place, fileOf(model), { manifestDigest: model.manifestDigest, drifts });
  }

  /** None of the model as it was deployed before: its parameters fit no other. */
  async #remembered(model: ServedModel) {
    const stored = await readStored(this.#place, fileOf(model), storedSchema);
    if (stored?.manifestDigest !== model.manifestDigest) return [];
    return stored.drifts.map(({ signature, parameters }) => ({
      signature,
      parameters: Buffer.from(parameters, "base64"),
    }));
  }
}

function fileOf({ name }: ServedModel): string {
  return `drifts-${name}`;
}
