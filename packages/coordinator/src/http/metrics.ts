import { type ReportedStatus, WINDOW_OUTCOMES } from "@mpo/protocol";
import { Counter, Gauge, Histogram, Registry as MetricsRegistry } from "prom-client";
import { overBounds } from "../registry/window-facts.ts";
import type { RolloutCounts } from "../rollouts/count-rollouts.ts";
import { addHealthGauges, type HealthSources } from "./health-gauges.ts";

/** What the gauges read when they are asked for. */
export interface MetricSources extends HealthSources {
  readonly devices: () => DeviceCounts;
  readonly profiles: () => number;
  readonly waitingSearches: () => number;
  /** How long the newest change took from the store to this coordinator, milliseconds. */
  readonly storeLagMs: () => number;
  readonly takesWrites: () => boolean;
  readonly rollouts: () => RolloutCounts;
}

/** Devices of the fleet, by how they are. */
export interface DeviceCounts {
  readonly online: number;
  readonly offline: number;
  /** Online, and have not applied their newest document. */
  readonly behind: number;
  /** Have a model that no probe could measure several times in a row. */
  readonly probeFailing: number;
  /** Online, and should have renewed their certificate long ago. */
  readonly certificateLate: number;
  /** Devices by the code of what is wrong with them, as lists show it. */
  readonly conditions: ReadonlyMap<string, number>;
}

/** What made a document. */
export type PushCause = "search" | "hand" | "rollback" | "raise" | "rollout";

/** What the coordinator counts, in Prometheus' form. */
export interface Metrics {
  /** A report came; `status` absent: a profile. */
  reported(isDuplicate: boolean, status?: ReportedStatus): void;
  searched(ms: number): void;
  searchFailed(code: string): void;
  pushed(cause: PushCause): void;
  /** A call has ended: "ok", or the code of its error. Without a time for streams. */
  called(method: string, code: string, ms?: number): void;
  /** A call was refused because too many run already; by its path, "/package.Service/Method". */
  refused(path: string): void;
  /** The store did not take a write; by the code of the error. */
  writeRefused(code: string): void;
  /** The whole page, and its content type. */
  page(): Promise<{ readonly type: string; readonly text: string }>;
}

const FRESH_MS = 50;

/** Metrics of their own: two coordinators in one process do not share any. */
export function createMetrics(sources: MetricSources): Metrics {
  const registers = [new MetricsRegistry()];
  const [registry] = registers as [MetricsRegistry];
  const counter = <Label extends string>(name: string, labelNames: Label[], help: string): Counter<Label> =>
    new Counter({ name, help, labelNames, registers });
  const reports = counter(
    "mpo_reports_total",
    ["kind", "duplicate"],
    "Reports of devices that were stored, or were stored before",
  );
  const windows = counter("mpo_windows_total", ["outcome"], "Retrainings and checks of devices, by how they ended");
  const overBound = counter(
    "mpo_windows_over_bound_total",
    ["bound"],
    "Retrainings and checks that took more than their upper bound, of memory or of time",
  );
  // A counter that begins with 1 has not grown, to Prometheus.
  for (const outcome of WINDOW_OUTCOMES) windows.inc({ outcome }, 0);
  for (const bound of ["memory", "time"]) overBound.inc({ bound }, 0);
  const failedProbes = counter("mpo_probe_failures_total", [], "Probes of devices that ended without a profile");
  const searches = new Histogram({
    name: "mpo_search_seconds",
    help: "Time of one search",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  });
  const documents = counter("mpo_documents_pushed_total", ["cause"], "Documents that were pushed, by what caused them");
  const calls = counter("mpo_calls_total", ["method", "code"], "Calls by method and outcome");
  const callTimes = new Histogram({
    name: "mpo_call_seconds",
    help: "Time of calls with one answer, by method",
    labelNames: ["method"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const refusedCalls = counter(
    "mpo_calls_refused_total",
    ["method"],
    "Calls that were refused because the coordinator was late with others, by method",
  );
  const refusedWrites = counter(
    "mpo_store_writes_refused_total",
    ["code"],
    "Writes that the store did not take, by the code of the error",
  );
  const failedSearches = counter(
    "mpo_search_failures_total",
    ["code"],
    "Searches that found nothing, by the code of the error",
  );
  // One count for all three gauges of a page: it takes time in proportion to the fleet.
  let counts: { readonly devices: DeviceCounts; readonly atMs: number } | undefined;
  const countedDevices = (): DeviceCounts => {
    const nowMs = performance.now();
    if (counts === undefined || nowMs - counts.atMs > FRESH_MS) counts = { devices: sources.devices(), atMs: nowMs };
    return counts.devices;
  };
  new Gauge({
    name: "mpo_devices_by_state",
    help: "Devices by state: online (heard of within two heartbeats), offline",
    labelNames: ["state"],
    registers,
    collect() {
      const { online, offline } = countedDevices();
      this.set({ state: "online" }, online);
      this.set({ state: "offline" }, offline);
    },
  });
  new Gauge({
    name: "mpo_device_conditions",
    help: "Devices by what is wrong with them, also while they are offline",
    labelNames: ["code"],
    registers,
    collect() {
      this.reset();
      for (const [code, count] of countedDevices().conditions) this.set({ code }, count);
    },
  });
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  gauge("mpo_devices", "Devices of the fleet", () => {
    const { online, offline } = countedDevices();
    return online + offline;
  });
  const behind = "Devices that are online and have not applied their newest document";
  gauge("mpo_devices_behind", behind, () => countedDevices().behind);
  const failing = "Devices with a model that no probe could measure three times in a row";
  gauge("mpo_devices_probe_failing", failing, () => countedDevices().probeFailing);
  const late = "Devices that are online and have less than a quarter of their certificate's time left";
  gauge("mpo_devices_certificate_late", late, () => countedDevices().certificateLate);
  const lag = "Time that the newest change took from the store to this coordinator";
  gauge("mpo_store_lag_seconds", lag, () => sources.storeLagMs() / 1000);
  gauge("mpo_store_takes_writes", "Whether the store takes writes (1) or not (0)", () => Number(sources.takesWrites()));
  const words = (name: string, label: string, help: string, read: () => ReadonlyMap<string, number>): void => {
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset();
        for (const [word, count] of read()) this.set({ [label]: word }, count);
      },
    });
  };
  words("mpo_rollouts", "phase", "Rollouts by where they stand", () => sources.rollouts().phases);
  const ofRollouts = "Devices of rollouts that are under way, by how far they are";
  words("mpo_rollout_devices", "state", ofRollouts, () => sources.rollouts().devices);
  const still = "How long the running rollout that has not moved for longest stands still";
  gauge("mpo_rollout_still_seconds", still, () => sources.rollouts().stillMs / 1000);
  gauge("mpo_profiles", "Profiles that are stored", sources.profiles);
  gauge("mpo_searches_waiting", "Searches that wait", sources.waitingSearches);
  gauge("mpo_resident_bytes", "Resident memory of the coordinator", () => process.memoryUsage.rss());
  addHealthGauges(sources, registers);
  return {
    reported: (isDuplicate, status) => {
      reports.inc({ kind: status === undefined ? "profile" : "status", duplicate: String(isDuplicate) });
      if (isDuplicate) return;
      if (status?.kind === "probe") failedProbes.inc();
      if (status?.kind !== "window") return;
      windows.inc({ outcome: status.window.outcome });
      for (const bound of overBounds(status.window)) overBound.inc({ bound });
    },
    searched: (ms) => searches.observe(ms / 1000),
    pushed: (cause) => documents.inc({ cause }),
    searchFailed: (code) => failedSearches.inc({ code }),
    called: (method, code, ms) => {
      calls.inc({ method, code });
      if (ms !== undefined) callTimes.observe({ method }, ms / 1000);
    },
    refused: (path) => refusedCalls.inc({ method: methodOf(path) }),
    writeRefused: (code) => refusedWrites.inc({ code }),
    page: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}

/** As our own counts name it: "heartbeat" of "/mpo.v1.Fleet/Heartbeat". */
function methodOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name.charAt(0).toLowerCase() + name.slice(1);
}
