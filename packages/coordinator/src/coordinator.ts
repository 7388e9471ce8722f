import { setMaxListeners } from "node:events";
import { SECOND_MS } from "@mpo/core";
import { type Clock, linkSignals, systemClock, untilAborted } from "@mpo/io";
import { type Logger, noTracing, type Tracing } from "@mpo/runtime";
import type { StateStore } from "@mpo/transport";
import { AdaptationReservoir } from "./adaptations/reservoir.ts";
import { AdaptationApi } from "./api/adaptation-api.ts";
import { AdminApi } from "./api/admin-api.ts";
import { ArtifactApi } from "./api/artifact-api.ts";
import { ConsoleApi } from "./api/console-api.ts";
import { FleetApi } from "./api/fleet-api.ts";
import { GroupApi } from "./api/group-api.ts";
import { IdentityApi } from "./api/identity-api.ts";
import { RolloutApi } from "./api/rollout-api.ts";
import { type ChunkStore, chunksInStore } from "./artifacts/chunk-store.ts";
import { PublishedModels } from "./artifacts/published-models.ts";
import { DocumentService } from "./documents/document-service.ts";
import { Audit } from "./events/audit.ts";
import { verifyEvents } from "./events/verify-events.ts";
import { createMetrics, type Metrics } from "./http/metrics.ts";
import type { FleetAuthority } from "./identity/authority.ts";
import { certificatesOf, type Validity } from "./identity/certificate-times.ts";
import { type Identities, identitiesOf } from "./identity/identities.ts";
import type { Fetch } from "./identity/issuer-keys.ts";
import type { PushRevocations } from "./identity/nats-users.ts";
import { signAgain } from "./identity/sign-again.ts";
import { PriorService } from "./priors/prior-service.ts";
import { ProfileSharing } from "./probes/profile-sharing.ts";
import { ProfileService } from "./profiles/profile-service.ts";
import { countDevices } from "./registry/count-devices.ts";
import { DeviceLife } from "./registry/device-life.ts";
import { heartbeatSecondsOf } from "./registry/presence.ts";
import { Registry } from "./registry/registry.ts";
import { StatusService } from "./registry/status-service.ts";
import { countRollouts } from "./rollouts/count-rollouts.ts";
import { Fleet } from "./rollouts/fleet-groups.ts";
import { MAX_LEASE_MS } from "./rollouts/rollout-leader.ts";
import { RolloutService } from "./rollouts/rollout-service.ts";
import { type Planning, PlanningHere } from "./search/planning.ts";
import { SearchQueue } from "./search/search-queue.ts";
import { SearchService } from "./search/search-service.ts";
import { searchWorker } from "./search/search-worker.ts";
import { Groups } from "./selection/groups.ts";
import { Selection } from "./selection/selection.ts";
import type { ResolvedSettings } from "./settings.ts";
import type { StoreContext } from "./store/change-entry.ts";
import { StoreHealth } from "./store/store-health.ts";
import { recentUse } from "./store/store-use.ts";
import { ReplicaWatch } from "./store/watch-replicas.ts";
import type { Watching } from "./store/watched-map.ts";

export interface CoordinatorPorts extends Pick<StoreContext, "ownTurn"> {
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
  /** Who searches. Default: this thread, which answers nothing else meanwhile. */
  readonly planning?: Planning;
  /** Absent: NATS asks for no proof. */
  readonly pushRevocations?: PushRevocations | undefined;
  /** Where published models lie. Default: in the store. */
  readonly chunks?: ChunkStore | undefined;
  /** Called at each turn of the work, with the time within which the next comes. */
  readonly onTurn?: ((nextWithinMs: number) => void) | undefined;
  /** When what the listeners show begins and ends. Absent: they show nothing. */
  readonly listenerValidity?: (() => Validity) | undefined;
  /** Default: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  /** Where people reach the console; undefined: it is turned off. */
  readonly consoleUrl?: () => string | undefined;
  /** Asks the gates and hooks of rollouts. Default: the system's. */
  readonly fetch?: Fetch;
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
  readonly consoleApi: ConsoleApi;
  readonly artifacts: ArtifactApi;
  readonly adaptations: AdaptationApi;
  readonly groupApi: GroupApi;
  readonly rolloutApi: RolloutApi;
  /** Absent: nobody proves who they are. */
  readonly identities: Identities | undefined;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
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
  const { store, clock = systemClock, random = Math.random, newId, authority, tracing = noTracing } = ports;
  const logger = ports.logger.child({ coordinator: settings.name });
  const health = new StoreHealth({
    store,
    clock,
    logger,
    graceMs: () => 2 * SECOND_MS * heartbeatSeconds(),
    requirePlace: ports.requireStorePlace,
    onRefused: (code) => metrics.writeRefused(code),
    onTurn: ports.onTurn,
  });
  const { ownTurn } = ports;
  const context: StoreContext = { store: health.store, clock, random, logger, ownTurn };
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
  const reservoir = new AdaptationReservoir(context, (identity) => {
    const state = enrolments?.get(identity)?.state;
    return registry.device(identity) !== undefined && state !== "revoked" && state !== "rejected";
  });
  const life = new DeviceLife({
    ...context,
    ...{ registry, documents, reservoir, audit, enrolments, heartbeatSeconds, retireAfterMs: settings.retireAfterMs },
  });
  const presenceMs = (): number => health.presenceMs;
  const storeUse = recentUse({ store, clock, logger });
  const replicas = new ReplicaWatch({ store, clock, logger });
  const metrics = createMetrics({
    devices: () =>
      countDevices({
        ...{ registry, documents, statuses, profiles, presenceMs, heartbeatSeconds },
        certificateValidMs: settings.certificateValidMs,
        certificateEndsMs: (identity) => enrolments?.get(identity)?.certificateEndsAtMs,
      }),
    profiles: () => profiles.size,
    waitingSearches: () => queue.size,
    takesWrites: () => health.trouble === undefined,
    rollouts: () => countRollouts(rollouts.all(), clock.now()),
    storeLagMs: () => Math.max(...watches().map(({ lagMs }) => lagMs)),
    waitingIndexes: () => watches().filter(({ isReady }) => !isReady).length,
    storeUse: () => storeUse(ends.signal),
    differingCopies: () => replicas.differing,
    certificates: () => certificatesOf(authority, ports.listenerValidity),
  });
  const watches = (): readonly Watching[] => Object.values(parts).flatMap((part) => part.watches);
  const searches = new SearchService({
    ...{ registry, profiles, priors, documents, statuses, models, budget: settings.budget },
    planning: ports.planning ?? new PlanningHere(clock),
    onSearched: (ms) => metrics.searched(ms),
  });
  const common = {
    ...{ registry, statuses, profiles, documents, searches },
    ...{ audit, clock, logger, heartbeatSeconds, identities },
  };
  const { natsServers, probes } = settings;
  const adaptations = new AdaptationApi({ ...common, reservoir });
  const fleet = new FleetApi({
    ...common,
    ...{ priors, queue, probes, natsServers, ownTurn },
    sharing: new ProfileSharing({ registry, profiles, searches, clock, policy: probes }),
    onReport: ({ isDuplicate, status }) => metrics.reported(isDuplicate, status),
    onStarted: (...window) => adaptations.windowEnded(...window),
    onRaised: () => metrics.pushed("raise"),
  });
  const groups = new Groups(context);
  const selection = new Selection({ ...common, groups, presenceMs });
  const admin = new AdminApi({
    ...common,
    ...{ life, newId, presenceMs, selection },
    verifyEvents: (request, call) => verifyEvents({ store, clock, known: () => audit.known, checkSeal }, request, call),
    onPushed: (cause) => metrics.pushed(cause),
  });
  const identityApi = new IdentityApi({ audit, clock, registry, reservoir, identities, oidc: settings.oidc });
  const consoleApi = new ConsoleApi({ audit, identities, consoleUrl: ports.consoleUrl ?? (() => undefined) });
  const rollouts = new RolloutService(context, {
    ...{ ...common, models, priors, selection, newId, name: settings.name, hosts: settings.allowedHooks },
    fleet: new Fleet({ ...common, presenceMs }),
    leaseMs: Math.min(settings.leaseMs, MAX_LEASE_MS),
    fetch: ports.fetch ?? ((url, options) => fetch(url, options)),
    onPushed: () => metrics.pushed("rollout"),
  });
  const artifacts = new ArtifactApi({ models, registry, documents, rollouts, audit });
  const groupApi = new GroupApi({ groups, selection, rollouts, audit });
  const rolloutApi = new RolloutApi({ rollouts, audit, clock });
  const worker = searchWorker({ searches, profiles, priors, audit, metrics, logger, tracing });
  const parts = {
    registry,
    statuses,
    profiles,
    priors,
    documents,
    queue,
    groups,
    rollouts,
    models,
    reservoir,
    ...identities?.watched,
  };
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
    consoleApi,
    artifacts,
    adaptations,
    groupApi,
    rolloutApi,
    identities,
    metrics,
    tracing,
    ended,
    notReady: async () => {
      await health.check(ends.signal);
      const waiting = Object.entries(parts)
        .filter(([, { watches }]) => watches.some(({ isReady }) => !isReady))
        .map(([name]) => `waiting for ${name}`);
      return health.trouble === undefined ? waiting : [health.trouble, ...waiting];
    },
    start: async ({ signal } = {}) => {
      const { signal: ending } = ends;
      const all = watches();
      const ready = Promise.all(all.map((watch) => watch.ready));
      const running = [
        ...all.map((watch) => watch.run(ending)),
        audit.run(ending),
        queue.run(worker, ending),
        health.run(ending),
        replicas.run(ending),
        life.run(ending),
        rollouts.run(ready, ending),
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
      await untilAborted(Promise.race([ready, ended]), linked.signal);
      logger.info("the indexes are full", { devices: registry.size, profiles: profiles.size });
    },
    stop: async () => {
      ends.abort();
      await Promise.all(tasks);
      resolve();
    },
  };
}
