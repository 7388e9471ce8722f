import { Counter, Gauge, Histogram, Registry as MetricsRegistry } from "prom-client";

/** What the gauges read when somebody asks. */
export interface MetricSources {
  readonly devices: () => number;
  readonly profiles: () => number;
  readonly waitingSearches: () => number;
}

/** What the coordinator counts, in Prometheus' form. */
export interface Metrics {
  reported(kind: "profile" | "status", isDuplicate: boolean): void;
  searched(ms: number): void;
  pushed(cause: string): void;
  called(method: string, code: string): void;
  /** The whole page, and its content type. */
  page(): Promise<{ readonly type: string; readonly text: string }>;
}

/** Metrics of their own: two coordinators in one process do not share any. */
export function createMetrics(sources: MetricSources): Metrics {
  const registers = [new MetricsRegistry()];
  const [registry] = registers as [MetricsRegistry];
  const reports = new Counter({
    name: "mpo_reports_total",
    help: "Reports of devices that were stored, or were stored before",
    labelNames: ["kind", "duplicate"],
    registers,
  });
  const searches = new Histogram({
    name: "mpo_search_seconds",
    help: "Time of one search",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  });
  const documents = new Counter({
    name: "mpo_documents_pushed_total",
    help: "Documents that were pushed, by what caused them",
    labelNames: ["cause"],
    registers,
  });
  const calls = new Counter({
    name: "mpo_calls_total",
    help: "Calls by method and outcome",
    labelNames: ["method", "code"],
    registers,
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
  gauge("mpo_devices", "Devices of the fleet", sources.devices);
  gauge("mpo_profiles", "Profiles that are stored", sources.profiles);
  gauge("mpo_searches_waiting", "Searches that wait", sources.waitingSearches);
  gauge("mpo_resident_bytes", "Resident memory of the coordinator", () => process.memoryUsage.rss());
  return {
    reported: (kind, isDuplicate) => reports.inc({ kind, duplicate: String(isDuplicate) }),
    searched: (ms) => searches.observe(ms / 1000),
    pushed: (cause) => documents.inc({ cause }),
    called: (method, code) => calls.inc({ method, code }),
    page: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}
