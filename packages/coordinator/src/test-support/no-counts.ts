import type { DeviceCounts, MetricSources } from "../http/metrics.ts";

export const NO_DEVICES: DeviceCounts = {
  ...{ online: 0, offline: 0, behind: 0, probeFailing: 0, certificateLate: 0 },
  conditions: new Map(),
};

/** What metrics read of a coordinator that has just been made. */
export const NOTHING_COUNTED: MetricSources = {
  devices: () => NO_DEVICES,
  profiles: () => 0,
  waitingSearches: () => 0,
  storeLagMs: () => 0,
  takesWrites: () => true,
  rollouts: () => ({ phases: new Map(), devices: new Map(), stillMs: 0 }),
  waitingIndexes: () => 0,
  storeUse: () => Promise.resolve(undefined),
  differingCopies: () => [],
  certificates: () => [],
};
