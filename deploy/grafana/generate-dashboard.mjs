/**
 * Writes the dashboard for Grafana from the rows below. That every query is good, and shows something on a fleet that runs,
 * is tested with a real Prometheus (test/watching).
 *
 * usage: node deploy/grafana/generate-dashboard.mjs
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export const DASHBOARD = join(import.meta.dirname, "mpo-fleet.json");

/**
 * A graph: what it is called, the unit as Grafana names it, and its queries by what each line is called.
 * @typedef {readonly [title: string, unit: string, queries: Readonly<Record<string, string>>]} Graph
 */

/** @type {Readonly<Record<string, readonly Graph[]>>} */
export const ROWS = {
  Fleet: [
    ["Devices", "short", { "{{state}}": "max by (state) (mpo_devices_by_state)" }],
    [
      "Alerts that fire",
      "short",
      { "{{alertname}}": 'count by (alertname) (ALERTS{alertname=~"Mpo.*",alertstate="firing"}) or vector(0)' },
    ],
    ["What devices need", "short", { "{{code}}": "max by (code) (mpo_device_conditions) or vector(0)" }],
    [
      "Behind, not measured, not renewed",
      "short",
      {
        "behind their newest configuration": "max(mpo_devices_behind)",
        "with a model that no probe could measure": "max(mpo_devices_probe_failing)",
        "with a certificate that should have been renewed": "max(mpo_devices_certificate_late)",
      },
    ],
  ],
  Retraining: [
    ["Windows an hour", "short", { "{{outcome}}": "sum by (outcome) (increase(mpo_windows_total[1h]))" }],
    [
      "Over their bound, an hour",
      "short",
      { "{{bound}}": "sum by (bound) (increase(mpo_windows_over_bound_total[1h]))" },
    ],
    [
      "Configurations pushed, an hour",
      "short",
      { "{{cause}}": "sum by (cause) (increase(mpo_documents_pushed_total[1h]))" },
    ],
    ["Failed probes, an hour", "short", { probes: "sum(increase(mpo_probe_failures_total[1h]))" }],
    [
      "Searches",
      "short",
      {
        waiting: "max(mpo_searches_waiting)",
        "a minute": "sum(rate(mpo_search_seconds_count[$__rate_interval])) * 60",
        "without a result, an hour": "sum(increase(mpo_search_failures_total[1h])) or vector(0)",
      },
    ],
    [
      "Time of a search",
      "s",
      { "95 of 100 within": "histogram_quantile(0.95, sum by (le) (increase(mpo_search_seconds_bucket[1h])))" },
    ],
  ],
  Rollouts: [
    ["Rollouts", "short", { "{{phase}}": "max by (phase) (mpo_rollouts) or vector(0)" }],
    ["Devices of rollouts under way", "short", { "{{state}}": "max by (state) (mpo_rollout_devices) or vector(0)" }],
    ["Standing still for", "s", { "the longest": "max(mpo_rollout_still_seconds)" }],
  ],
  Coordinators: [
    ["Calls a second", "reqps", { "{{method}}": "sum by (method) (rate(mpo_calls_total[$__rate_interval]))" }],
    [
      "Time of calls",
      "s",
      {
        "99 of 100 within, {{method}}":
          "histogram_quantile(0.99, sum by (method, le) (rate(mpo_call_seconds_bucket[$__rate_interval])))",
      },
    ],
    [
      "Calls that failed or were refused, an hour",
      "short",
      {
        "{{method}}, {{code}}": 'sum by (method, code) (increase(mpo_calls_total{code!="ok"}[1h])) or vector(0)',
        "{{method}}, refused": "sum by (method) (increase(mpo_calls_refused_total[1h])) or vector(0)",
      },
    ],
    ["Reports a minute", "short", { "{{kind}}": "sum by (kind) (rate(mpo_reports_total[$__rate_interval])) * 60" }],
    ["The store takes writes", "short", { "{{instance}}": "mpo_store_takes_writes" }],
    ["How late the store's changes come", "s", { "{{instance}}": "mpo_store_lag_seconds" }],
    [
      "Streams of the store",
      "percentunit",
      { "{{stream}}": "max by (stream) (mpo_store_stream_bytes / mpo_store_stream_limit_bytes)" },
    ],
    [
      "NATS servers that lack the newest",
      "short",
      { "{{server}}": "max by (server) (mpo_store_server_away) or vector(0)" },
    ],
    [
      "Copies of the store that differ",
      "short",
      { "{{server}}, {{stream}}": "max by (server, stream) (mpo_store_copy_differs) or vector(0)" },
    ],
    ["Parts of the store that are not read yet", "short", { "{{instance}}": "mpo_indexes_waiting" }],
    ["Left on the store's disk", "bytes", { "{{instance}}": "mpo_store_disk_free_bytes" }],
    ["Memory", "bytes", { "{{instance}}": "mpo_resident_bytes" }],
    ["Certificates end in", "s", { "{{instance}}, {{certificate}}": "mpo_certificate_ends_seconds - time()" }],
  ],
};

const WIDTH = 24;
const COLUMNS = 3;
const HEIGHT = 7;
const DATASOURCE = { type: "prometheus", uid: "$datasource" };

/** @returns {string} the dashboard's file */
export function dashboard() {
  /** @type {object[]} */
  const panels = [];
  let y = 0;
  for (const [title, graphs] of Object.entries(ROWS)) {
    panels.push({
      id: panels.length + 1,
      type: "row",
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: WIDTH, h: 1 },
      panels: [],
    });
    graphs.forEach(([name, unit, queries], index) => {
      const w = WIDTH / COLUMNS;
      const gridPos = { x: (index % COLUMNS) * w, y: y + 1 + Math.floor(index / COLUMNS) * HEIGHT, w, h: HEIGHT };
      panels.push({
        ...{ id: panels.length + 1, type: "timeseries", title: name, datasource: DATASOURCE, gridPos },
        fieldConfig: { defaults: { unit, min: 0, custom: { fillOpacity: 10 } }, overrides: [] },
        options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } },
        targets: Object.entries(queries).map(([legendFormat, expr], target) => ({
          ...{ refId: String.fromCharCode("A".charCodeAt(0) + target), datasource: DATASOURCE, expr, legendFormat },
        })),
      });
    });
    y += 1 + Math.ceil(graphs.length / COLUMNS) * HEIGHT;
  }
  const datasource = { name: "datasource", type: "datasource", query: "prometheus", label: "Prometheus", hide: 0 };
  return `${JSON.stringify(
    {
      ...{ uid: "mpo-fleet", title: "MPOptimizer: fleet", tags: ["mpo"], schemaVersion: 38, editable: true },
      ...{ timezone: "browser", refresh: "30s", time: { from: "now-6h", to: "now" } },
      templating: { list: [datasource] },
      panels,
    },
    undefined,
    2,
  )}\n`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(DASHBOARD, dashboard());
