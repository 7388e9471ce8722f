import { formatVersion, given, MpoError } from "@mpo/core";
import { isAbortError } from "@mpo/io";
import { deviceKey } from "@mpo/protocol";
import { isTransient, type Logger, readTraceparent, type Tracing } from "@mpo/runtime";
import type { TracedCall } from "../documents/document-service.ts";
import type { Audit } from "../events/audit.ts";
import type { Metrics } from "../http/metrics.ts";
import type { PriorService } from "../priors/prior-service.ts";
import type { ProfileName, ProfileService } from "../profiles/profile-service.ts";
import { isConflict } from "../store/change-entry.ts";
import type { SearchService } from "./search-service.ts";
import type { WorkRecord } from "./work-record.ts";

interface WorkerParts {
  readonly searches: SearchService;
  readonly profiles: ProfileService;
  readonly priors: PriorService;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly tracing: Tracing;
}

/** Does the searches of the queue. What cannot be done is written down, and the work is over. */
export function searchWorker({ searches, profiles, priors, audit, metrics, logger, tracing }: WorkerParts) {
  const work = async (
    name: ProfileName,
    { request, budget, objective }: WorkRecord,
    call: TracedCall & { readonly signal: AbortSignal },
  ): Promise<void> => {
    const { identity, model } = name;
    const { signal } = call;
    try {
      const facts = profiles.facts(name)?.value;
      if (facts !== undefined) {
        const { deviceClass, graphDigest } = facts;
        await priors.refresh({ tenant: identity.tenant, deviceClass, model, graphDigest }, { signal });
      }
      const { document, isNew } = await searches.answer({ name, request, budget, objective, isAutomatic: true }, call);
      if (!isNew) return;
      const { version, rungs } = document;
      metrics.pushed("search");
      const traceId = readTraceparent(call.traceparent)?.traceId;
      const said = { deviceId: identity.device, model, version, rungs: rungs.length };
      logger.info("pushed a document", { ...said, ...given({ traceId }) });
      const message = `${formatVersion(version)} of ${model}: ${rungs.length} rungs, for ${request}`;
      await audit.log({ kind: "config-pushed", identity, actor: "coordinator", message });
    } catch (thrown) {
      if (isTransient(thrown) || isConflict(thrown) || isAbortError(thrown) || signal.aborted) throw thrown;
      const error = MpoError.from(thrown);
      // The device has not said all that a search needs; when it does, the search is asked for again.
      if (error.code === "precondition-failed") {
        logger.info("a search waits for its device", { deviceId: identity.device, model, why: error.message });
        return;
      }
      metrics.searchFailed(error.code);
      logger.warn("a search found nothing", { deviceId: identity.device, model, err: error });
      const message = `${model}, for ${request}: ${error.message}`;
      await audit.log({ kind: "search-failed", identity, actor: "coordinator", message });
    }
  };
  return async (name: ProfileName, record: WorkRecord, signal: AbortSignal): Promise<void> => {
    const { traceparent: parent, attempts, request } = record;
    if (parent === undefined) return await work(name, record, { signal });
    const attributes = { "mpo.device": deviceKey(name.identity), "mpo.model": name.model, "mpo.request": request };
    const span = { name: "search", parent, attributes: { ...attributes, "mpo.attempt": attempts } };
    await tracing.span(span, (own) => work(name, record, { signal, traceparent: own?.traceparent ?? parent }));
  };
}
