import { setMaxListeners } from "node:events";
import { formatVersion, MpoError, SECOND_MS } from "@mpo/core";
import { type Clock, isAbortError, linkSignals, systemClock, untilAborted } from "@mpo/io";
import { isTransient, type Logger } from "@mpo/runtime";
import type { StateStore } from "@mpo/transport";
import { AdminApi } from "./api/admin-api.ts";
import { ArtifactApi } from "./api/artifact-api.ts";
import { FleetApi } from "./api/fleet-api.ts";
import { IdentityApi } from "./api/identity-api.ts";
import { type ChunkStore, chunksInStore } from "./artifacts/chunk-store.ts";
import { PublishedModels } from "./artifacts/published-models.ts";
import { DocumentService } from "./documents/document-service.ts";
import { Audit } from "./events/audit.ts";
import { verifyEvents } from "./events/verify-events.ts";
import { createMetrics, type Metrics } from "./http/metrics.ts";
import type { FleetAuthority } from "./identity/authority.ts";
import { type Identities, identitiesOf } from "./identity/identities.ts";
import type { PushRevocations } from "./identity/nats-users.ts";
import { signAgain } from "./identity/sign-again.ts";
import { PriorService } from "./priors/prior-service.ts";
import { type ProfileName, ProfileService } from "./profiles/profile-service.ts";
import { countDevices } from "./registry/count-devices.ts";
import { DeviceLife } from "./registry/device-life.ts";
import { heartbeatSecondsOf } from "./registry/presence.ts";
import { Registry } from "./registry/registry.ts";
import { StatusService } from "./registry/status-service.ts";
import { SearchQueue } from "./search/search-queue.ts";
import { SearchService } from "./search/search-service.ts";
import type { WorkRecord } from "./search/work-record.ts";
import type { ResolvedSettings } from "./settings.ts";
import { isConflict, type StoreContext } from "./store/change-entry.ts";
import { StoreHealth } from "./store/store-health.ts";

export interface CoordinatorPorts {
  /** With the buckets and streams of `FLEET_LAYOUT`. Stays the caller's to close. */
  readonly store: StateStore;
  /** Throws when what the store has acknowledged is not where it should be. Default: that is not known. */
  readonly requireStorePlace?: () => Promise<void>;
  readonly logger: Logger;
  /** Default: the system's clock. */
  readonly clock?: Clock;
  /** From 0 up to 1. Default: `Math.random`. */
  readonly random?: () => number;
  /** Names that are never the same twice, also not in another process. */
  readonly newId: () => string;
  /** With what it vouches for devices and documents; absent: nobody proves who they are. */
  readonly authority?: FleetAuthority | undefined;
  /** Absent: NATS asks for no proof. */
  readonly pushRevocations?: PushRevocations | undefined;
  /** Where published models lie. Default: in the store. */
  readonly chunks?: ChunkStore | undefined;
}

/** A coordinator without its listeners: all of its logic over a store. */
export interface Coordinator {
  readonly name: string;
  readonly settings: ResolvedSettings;
  /** Devices of the fleet, as far as the index knows. */
  readonly deviceCount: number;
  /** What agents may call. */
  readonly fleet: FleetApi;
  /** What people and programs may call. */
  readonly admin: AdminApi;
  readonly identityApi: IdentityApi;
  readonly artifacts: ArtifactApi;
  /** Absent: nobody proves who they are. */
  readonly identities: Identities | undefined;
  readonly metrics: Metrics;
  /** Why it is not ready, after a real write to the store; empty: it is. */
  notReady(): Promise<readonly string[]>;
  /** Resolves when all indexes are full and it takes part in the work. */
  start(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Ends what `start` began. */
  stop(): Promise<void>;
  /** Rejects when a part fails for good; resolves after `stop`. */
  readonly ended: Promise<void>;
}

/**
 * Puts a coordinator together. It keeps no state itself: everything is in the store, and several over one store share
 * the work.
 */
export function createCoordinator(settings: ResolvedSettings, ports: CoordinatorPorts): Coordinator {
  const { store, clock = systemClock, random = Math.random, newId, authority } = ports;
  const logger = ports.logger.child({ coordinator: settings.name });
  const health = new StoreHealth({
    store,
    clock,
    logger,
    graceMs: () => 2 * SECOND_MS * heartbeatSeconds(),
    requirePlace: ports.requireStorePlace,
    onRefused: (code) => metrics.writeRefused(code),
  });
  const context: StoreContext = { store: health.store, clock, random, logger };
  const registry = new Registry(context, { heartbeatSeconds: settings.heartbeatSeconds });
  const statuses = new StatusService(context);
  const profiles = new ProfileService(context);
  const priors = new PriorService(context, profiles, { quorum: settings.quorum });
  const models = new PublishedModels(context, ports.chunks ?? chunksInStore(context), profiles);
  const documents = new DocumentService(context, { validMs: settings.documentValidMs, signer: authority });
  const identities = authority && identitiesOf(context, authority, ports.pushRevocations);
  const enrolments = identities?.enrolments;
  const queue = new SearchQueue(context, { name: settings.name, leaseMs: settings.leaseMs });
  const checkSeal = authority && ((hash: Uint8Array, seal: string) => authority.isSealOf(seal, hash));
  const audit = new Audit(context, { newId, seal: authority && ((hash) => authority.seal(hash)) });
  const heartbeatSeconds = (): number => heartbeatSecondsOf(settings.heartbeatSeconds, registry.size);
  const life = new DeviceLife({
    ...context,
    ...{ registry, documents, audit, enrolments, heartbeatSeconds, retireAfterMs: settings.retireAfterMs },
  });
  const metrics = createMetrics({
    devices: () =>
      countDevices({ registry, documents, statuses, nowMs: health.presenceMs, heartbeatSeconds: heartbeatSeconds() }),
    profiles: () => profiles.size,
    waitingSearches: () => queue.size,
    takesWrites: () => health.trouble === undefined,
    storeLagMs: () => Math.max(...Object.values(parts).flatMap(({ watches }) => watches.map(({ lagMs }) => lagMs))),
  });
  const searches = new SearchService({
    ...{ registry, profiles, priors, documents, statuses, models, clock, budget: settings.budget },
    onSearched: (ms) => metrics.searched(ms),
  });
  const common = {
    registry,
    statuses,
    profiles,
    documents,
    searches,
    audit,
    clock,
    logger,
    heartbeatSeconds,
    identities,
  };
  const { natsServers, probes } = settings;
  const fleet = new FleetApi({
    ...common,
    ...{ priors, queue, probes, natsServers },
    onReport: (kind, isDuplicate) => metrics.reported(kind, isDuplicate),
    onRaised: () => metrics.pushed("raise"),
  });
  const admin = new AdminApi({
    ...common,
    ...{ life, newId },
    verifyEvents: (request, call) => verifyEvents({ store, clock, known: () => audit.known, checkSeal }, request, call),
    presenceMs: () => health.presenceMs,
    onPushed: (cause) => metrics.pushed(cause),
  });
  const identityApi = new IdentityApi({ audit, clock, registry, identities, oidc: settings.oidc });
  const artifacts = new ArtifactApi({ models, registry, documents, audit });
  const worker = searchWorker({ searches, profiles, priors, audit, metrics, logger });
  const parts = { registry, statuses, profiles, priors, documents, queue, models, ...identities?.watched };
  const ends = new AbortController();
  // One listener for each watch, and one for whatever the queue waits for.
  setMaxListeners(64, ends.signal);
  let tasks: readonly Promise<void>[] = [];
  let resolve = (): void => undefined;
  let reject = (_: unknown): void => undefined;
  const ended = new Promise<void>((onEnd, onFailure) => {
    resolve = onEnd;
    reject = onFailure;
  });
  // Nothing may be listening yet: a failure is also thrown by `start`, and seen when `ended` is looked at.
  ended.catch(() => undefined);
  return {
    name: settings.name,
    settings,
    get deviceCount() {
      return registry.size;
    },
    fleet,
    admin,
    identityApi,
    artifacts,
    identities,
    metrics,
    ended,
    notReady: async () => {
      await health.check(ends.signal);
      const waiting = Object.entries(parts)
        .filter(([, { watches }]) => watches.some(({ isReady }) => !isReady))
        .map(([name]) => `waiting for ${name}`);
      return health.trouble === undefined ? waiting : [health.trouble, ...waiting];
    },
    start: async ({ signal } = {}) => {
      const watches = Object.values(parts).flatMap((part) => part.watches);
      const { signal: ending } = ends;
      const running = [
        ...watches.map((watch) => watch.run(ending)),
        audit.run(ending),
        queue.run(worker, ending),
        health.run(ending),
        life.run(ending),
        ...(identities === undefined
          ? []
          : [
              identities.run(ending),
              signAgain({ ...identities, registry, documents, searches, clock, logger }, ending),
            ]),
      ];
      tasks = running.map((task) =>
        task.then(
          () => undefined,
          (thrown: unknown) => {
            if (!ending.aborted) reject(thrown);
          },
        ),
      );
      using linked = linkSignals(signal, ending);
      await untilAborted(Promise.race([Promise.all(watches.map(({ ready }) => ready)), ended]), linked.signal);
      logger.info("the indexes are full", { devices: registry.size, profiles: profiles.size });
    },
    stop: async () => {
      ends.abort();
      await Promise.all(tasks);
      resolve();
    },
  };
}

interface WorkerParts {
  readonly searches: SearchService;
  readonly profiles: ProfileService;
  readonly priors: PriorService;
  readonly audit: Audit;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Does the searches of the queue. What cannot be done is written down, and the work is over. */
function searchWorker({ searches, profiles, priors, audit, metrics, logger }: WorkerParts) {
  return async (name: ProfileName, { request, budget, objective }: WorkRecord, signal: AbortSignal): Promise<void> => {
    const { identity, model } = name;
    try {
      const facts = profiles.facts(name)?.value;
      if (facts !== undefined) {
        const { deviceClass, graphDigest } = facts;
        await priors.refresh({ tenant: identity.tenant, deviceClass, model, graphDigest }, { signal });
      }
      const { document, isNew } = await searches.answer({ name, request, budget, objective }, { signal });
      if (!isNew) return;
      const { version, rungs } = document;
      metrics.pushed("search");
      logger.info("pushed a document", { deviceId: identity.device, model, version, rungs: rungs.length });
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
}
