import { MpoError } from "@mpo/core";
import {
  type AdaptationView,
  type AdminServiceMethods,
  type DeviceIdentity,
  FLEET_SERVICE,
  type FleetServiceMethods,
  LIMITS,
  type RequestOf,
  type ResponseOf,
  type WindowResult,
} from "@mpo/protocol";
import type { KeptAdaptation } from "../adaptations/adaptation-record.ts";
import type { AdaptationReservoir } from "../adaptations/reservoir.ts";
import { isOffered, verdictsOn } from "../adaptations/usefulness.ts";
import { ReportParts } from "../profiles/report-parts.ts";
import { Recent } from "../search/recent.ts";
import type { ApiCall } from "./api-call.ts";
import { deviceIdentityOf } from "./device-identity.ts";
import { Doubles } from "./doubles.ts";
import type { ApiParts } from "./fleet-parts.ts";
import { actorOf } from "./identity-api.ts";
import { pageOf } from "./page.ts";

type Methods = AdminServiceMethods & FleetServiceMethods;
type Ask<Call extends keyof Methods> = RequestOf<Methods[Call]>;
type Answer<Call extends keyof Methods> = ResponseOf<Methods[Call]>;

interface AdaptationParts extends Pick<ApiParts, "registry" | "audit" | "clock" | "logger" | "heartbeatSeconds"> {
  readonly reservoir: AdaptationReservoir;
}

/** What a wave of devices fetches at the same time is read once. */
const KEPT_PARAMETERS = 16;

/** What devices and people ask of what was learned of drifts. */
export class AdaptationApi {
  readonly #parts: AdaptationParts;
  readonly #doubles: Doubles;
  readonly #reportParts: ReportParts<Ask<"reportAdaptation">>;
  readonly #recent = new Recent<Uint8Array>(KEPT_PARAMETERS);

  constructor(parts: AdaptationParts) {
    this.#parts = parts;
    this.#doubles = new Doubles(parts);
    this.#reportParts = new ReportParts(parts.clock, FLEET_SERVICE.reportAdaptation);
  }

  async reportAdaptation(request: Ask<"reportAdaptation">, call: ApiCall): Promise<Answer<"reportAdaptation">> {
    const identity = deviceIdentityOf(request.identity, call);
    const { model, manifestDigest } = request.adaptation;
    await this.#requireServing(identity, { model, manifestDigest }, call.signal);
    if (await this.#isDouble(request, call)) return { isDuplicate: false, isKept: false };
    return await this.#store(request, call);
  }

  /** Keeps a part of a report; the last one makes it whole. */
  async reportAdaptationPart(
    request: Ask<"reportAdaptationPart">,
    call: ApiCall,
  ): Promise<Answer<"reportAdaptationPart">> {
    const identity = deviceIdentityOf(request.identity, call);
    await this.#parts.registry.required(identity, call);
    if (await this.#isDouble(request, call)) return { arrivedBytes: 0, answer: { isDuplicate: false, isKept: false } };
    const { arrivedBytes, report } = this.#reportParts.take(request);
    if (report === undefined) return { arrivedBytes };
    await this.#requireServing(identity, report.adaptation, call.signal);
    return { arrivedBytes, answer: await this.#store(report, call) };
  }

  /** Gives a part of what was learned of the nearest drift. */
  async fetchAdaptation(request: Ask<"fetchAdaptation">, call: ApiCall): Promise<Answer<"fetchAdaptation">> {
    const { reservoir } = this.#parts;
    const identity = deviceIdentityOf(request.identity, call);
    const { model, manifestDigest, signature, adaptation, offset } = request;
    await this.#requireServing(identity, { model, manifestDigest }, call.signal);
    const { tenant } = identity;
    const kept =
      adaptation === undefined
        ? reservoir.nearest({ tenant, model, manifestDigest }, signature)
        : reservoir.required(tenant, adaptation);
    if (kept === undefined) return {};
    if (kept.model !== model || kept.manifestDigest !== manifestDigest) {
      throw new MpoError("not-found", `adaptation ${kept.id} is of another model than ${model}`);
    }
    if (offset >= kept.bytes) {
      throw new MpoError("invalid-argument", `offset is ${offset}; expected less than its ${kept.bytes} bytes`);
    }
    const parameters = this.#recent.get(kept.digest) ?? (await reservoir.parameters(kept, call));
    this.#recent.set(kept.digest, parameters);
    const { id, device, digest, bytes: totalBytes } = kept;
    const part = parameters.subarray(offset, offset + LIMITS.partBytes);
    return { found: { adaptation: id, device, digest, totalBytes, part } };
  }

  listAdaptations(request: Ask<"listAdaptations">): Answer<"listAdaptations"> {
    const all = this.#parts.reservoir.list(request.tenant, request.model);
    const { items, ...rest } = pageOf(all, ({ model, id }) => `${model}.${id}`, request);
    return { adaptations: items.map(viewOf), ...rest };
  }

  async removeAdaptation(
    { tenant, adaptation }: Ask<"removeAdaptation">,
    call: ApiCall,
  ): Promise<Answer<"removeAdaptation">> {
    const { reservoir, audit } = this.#parts;
    const kept = reservoir.required(tenant, adaptation);
    await reservoir.remove(kept, call);
    const identity = { tenant, device: kept.device };
    await audit.log({ kind: "adaptation-removed", identity, actor: actorOf(call), message: inWords(kept) });
    return { device: kept.device };
  }

  /** A device reports a window that was given something to start from. */
  async windowEnded(identity: DeviceIdentity, window: WindowResult, call: Pick<ApiCall, "signal">): Promise<void> {
    const { reservoir, audit, logger } = this.#parts;
    const withdrawn = await reservoir.tried(identity, window, call);
    if (withdrawn === undefined) return;
    const message = `${inWords(withdrawn)}: devices that were given it refuse it`;
    logger.warn("what a device has learned does not help others", { deviceId: withdrawn.device, message });
    const of = { tenant: identity.tenant, device: withdrawn.device };
    await audit.log({ kind: "adaptation-withdrawn", identity: of, actor: "coordinator", message });
  }

  async #store(request: Ask<"reportAdaptation">, call: ApiCall): Promise<Answer<"reportAdaptation">> {
    const { reservoir, audit } = this.#parts;
    const { identity } = request;
    const { kept, isDuplicate, isKept } = await reservoir.store(request, call);
    if (isKept && !isDuplicate) {
      const actor = `device ${identity.device}`;
      await audit.log({ kind: "adaptation-stored", identity, actor, message: inWords(kept) });
    }
    return { isDuplicate, isKept };
  }

  /** Throws `not-found` for a device that is not known here, or that serves another model. */
  async #requireServing(
    identity: DeviceIdentity,
    { model, manifestDigest }: Pick<KeptAdaptation, "model" | "manifestDigest">,
    signal: AbortSignal,
  ): Promise<void> {
    const { models } = await this.#parts.registry.required(identity, { signal });
    if (models.some((served) => served.name === model && served.manifestDigest === manifestDigest)) return;
    throw new MpoError("not-found", `device ${identity.device} does not serve this ${model}`);
  }

  async #isDouble(request: Parameters<Doubles["keptApart"]>[0], call: ApiCall): Promise<boolean> {
    return (await this.#doubles.keptApart(request, call, "what it has learned of a drift")) !== undefined;
  }
}

function inWords({ id, model, accuracyBefore, accuracyAfter, samples }: KeptAdaptation): string {
  const [before, after] = [accuracyBefore, accuracyAfter].map((share) => `${(100 * share).toFixed(1)} %`);
  return `${id}: ${model}, accuracy ${before} before, ${after} after, on ${samples} samples`;
}

function viewOf(kept: KeptAdaptation): AdaptationView {
  const { tenant: _, id, digest: __, trials: ___, signature: ____, ...facts } = kept;
  return { ...facts, adaptation: id, ...verdictsOn(kept), isOffered: isOffered(kept) };
}
