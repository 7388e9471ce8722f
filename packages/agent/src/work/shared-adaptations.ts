import { createHash } from "node:crypto";
import { type DriftSignature, MAX_NORMALISATION_BYTES, MpoError } from "@mpo/core";
import { withDeadline } from "@mpo/io";
import type { FetchAdaptationRequest, ServedModel, WindowResult } from "@mpo/protocol";
import type { AgentParts } from "../core/agent-parts.ts";
import type { RetrainOutcome } from "../ports/agent-engine.ts";
import type { AdaptationLink } from "../ports/fleet-link.ts";

interface SharingParts extends Pick<AgentParts, "settings" | "ports" | "outbox"> {
  readonly onReport: () => void;
}

/** What another device has learned of a like drift. */
export interface FoundStart {
  readonly adaptation: string;
  readonly device: string;
  readonly parameters: Uint8Array;
}

/** A window waits so long for it: over a slow link it starts from the serving weights. */
const PATIENCE_MS = 20_000;

/**
 * Shares what windows have learned of drifts, and finds what other devices have learned of like ones, where the device's
 * owner has said so. Parameters of normalisation layers cross and the signature of the inputs; no input, and no label.
 */
export class SharedAdaptations {
  readonly #parts: SharingParts;

  constructor(parts: SharingParts) {
    this.#parts = parts;
  }

  /** What to start a window from, of the nearest drift; undefined: none is near, or it cannot be had now. */
  async startFor(
    { name: model, manifestDigest }: ServedModel,
    signature: DriftSignature | undefined,
    signal: AbortSignal,
  ): Promise<FoundStart | undefined> {
    const { settings, ports } = this.#parts;
    const { fetchAdaptation } = ports.link;
    if (!settings.sharesAdaptations || signature === undefined || fetchAdaptation === undefined) return undefined;
    const ask = { identity: settings.identity, model, manifestDigest, signature, offset: 0 };
    try {
      const fetching = (both: AbortSignal): Promise<FoundStart | undefined> => fetched(ask, fetchAdaptation, both);
      const found = await withDeadline("fetching what others have learned", PATIENCE_MS, fetching, {
        ...{ clock: ports.clock, signal },
      });
      if (found !== undefined) {
        const { adaptation, device: from } = found;
        ports.logger.info("another device has answered a like drift", { model, adaptation, from });
      }
      return found;
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      ports.logger.info("what others have learned cannot be had now", { model, err: MpoError.from(thrown) });
      return undefined;
    }
  }

  /** Reports what a window has learned, where that serves now and is better than what served before. */
  async learned(
    { name: model, manifestDigest }: ServedModel,
    signature: DriftSignature | undefined,
    { isAccepted, normalisation: parameters, judgement, ...outcome }: RetrainOutcome,
  ): Promise<void> {
    const { accuracyBefore, accuracyAfter, judgedSamples: samples } = outcome;
    if (!this.#parts.settings.sharesAdaptations || !isAccepted || signature === undefined) return;
    if (parameters === undefined || judgement === undefined || accuracyBefore === undefined) return;
    if (accuracyAfter === undefined || accuracyAfter <= accuracyBefore) return;
    await this.#parts.outbox.addAdaptation({
      ...{ model, manifestDigest, signature, parameters, judgement, accuracyBefore, accuracyAfter, samples },
    });
    this.#parts.onReport();
  }
}

/** How the report of a window names what it was given to start from. */
export function startOf(
  found: FoundStart | undefined,
  { isFromStart = false }: Pick<RetrainOutcome, "isFromStart">,
): Pick<WindowResult, "start"> {
  if (found === undefined) return {};
  const { adaptation, device } = found;
  return { start: { adaptation, device, isTaken: isFromStart } };
}

async function fetched(
  ask: FetchAdaptationRequest,
  fetchAdaptation: AdaptationLink["fetchAdaptation"],
  signal: AbortSignal,
): Promise<FoundStart | undefined> {
  const first = (await fetchAdaptation(ask, { signal })).found;
  if (first === undefined) return undefined;
  const { adaptation, device, totalBytes, digest } = first;
  const parts = [first.part];
  for (let offset = first.part.length; offset < totalBytes && offset <= MAX_NORMALISATION_BYTES; ) {
    const { found } = await fetchAdaptation({ ...ask, adaptation, offset }, { signal });
    if (found === undefined) return undefined;
    parts.push(found.part);
    offset += found.part.length;
  }
  const parameters = Buffer.concat(parts);
  if (createHash("sha256").update(parameters).digest("hex") === digest) return { adaptation, device, parameters };
  throw new MpoError("invalid-data", "what was fetched is not what was announced");
}
