/** Samples of a series, a minute apart, as promtool writes them. */
export type Samples = string;

/** What goes wrong, and the one alert that must fire by it. */
export interface AlertCase {
  readonly alert: string;
  /** Beside those of a fleet that is well, or in the place of them. */
  readonly series: Readonly<Record<string, Samples>>;
  /** When it must fire, and when it must not yet. */
  readonly firesAt: string;
  readonly silentAt: string;
}

const one = 'instance="a"';

/** A fleet of a hundred devices, as it is on most days: some are away, and now and then something fails. */
export const WELL: Readonly<Record<string, Samples>> = {
  [`up{job="mpo",${one}}`]: "1x600",
  [`mpo_indexes_waiting{${one}}`]: "0x600",
  [`mpo_store_takes_writes{${one}}`]: "1x600",
  [`mpo_store_lag_seconds{${one}}`]: "0.01x600",
  [`mpo_store_disk_free_bytes{${one},disk="store"}`]: "50000000000x600",
  [`mpo_store_stream_bytes{${one},stream="audit"}`]: "1000x600",
  [`mpo_store_stream_limit_bytes{${one},stream="audit"}`]: "8000000x600",
  [`mpo_store_server_away{${one},server="n1"}`]: "0x600",
  [`mpo_calls_total{${one},method="hello",code="ok"}`]: "0+10x600",
  [`mpo_calls_total{${one},method="hello",code="unavailable"}`]: "0+0.01x600",
  [`mpo_calls_refused_total{${one},method="hello"}`]: "0x600",
  [`mpo_searches_waiting{${one}}`]: "1 0 2 0 1 0x595",
  [`mpo_search_failures_total{${one},code="over-budget"}`]: "0 1 2x598",
  [`mpo_certificate_begins_seconds{${one},certificate="listener"}`]: "0x600",
  [`mpo_certificate_ends_seconds{${one},certificate="listener"}`]: "86400x600",
  [`mpo_certificate_ends_seconds{${one},certificate="authority"}`]: "300000000x600",
  [`mpo_devices{${one}}`]: "100x600",
  [`mpo_devices_by_state{${one},state="online"}`]: "95x600",
  [`mpo_devices_by_state{${one},state="offline"}`]: "5x600",
  [`mpo_devices_behind{${one}}`]: "2x600",
  // Over by itself.
  [`mpo_device_conditions{${one},code="document-pending"}`]: "3x600",
  [`mpo_devices_probe_failing{${one}}`]: "0x600",
  [`mpo_devices_certificate_late{${one}}`]: "0x600",
  [`mpo_windows_over_bound_total{${one},bound="memory"}`]: "0 1x599",
  [`mpo_windows_total{${one},outcome="replaced"}`]: "0+1x600",
  [`mpo_windows_total{${one},outcome="cancelled"}`]: "0+0.1x600",
  [`mpo_rollouts{${one},phase="running"}`]: "1x600",
  [`mpo_rollout_still_seconds{${one}}`]: "300x600",
};

export const CASES: readonly AlertCase[] = [
  {
    alert: "MpoCoordinatorDown",
    // The other one answers.
    series: { 'up{job="mpo",instance="b"}': "1 0x100" },
    ...{ firesAt: "4m", silentAt: "2m" },
  },
  { alert: "MpoNoCoordinator", series: { [`up{job="mpo",${one}}`]: "_x100" }, firesAt: "3m", silentAt: "1m" },
  {
    alert: "MpoCoordinatorNotReady",
    series: { [`mpo_indexes_waiting{${one}}`]: "0 3x100" },
    firesAt: "7m",
    silentAt: "4m",
  },
  {
    alert: "MpoStoreTakesNoWrites",
    series: { [`mpo_store_takes_writes{${one}}`]: "1 0x100" },
    firesAt: "3m",
    silentAt: "1m",
  },
  { alert: "MpoStoreLate", series: { [`mpo_store_lag_seconds{${one}}`]: "0 30x100" }, firesAt: "7m", silentAt: "4m" },
  {
    alert: "MpoStoreDiskLow",
    series: { [`mpo_store_disk_free_bytes{${one},disk="store"}`]: "50000000000 900000000x100" },
    ...{ firesAt: "7m", silentAt: "4m" },
  },
  {
    alert: "MpoStoreStreamFull",
    series: { [`mpo_store_stream_bytes{${one},stream="audit"}`]: "1000 7500000x100" },
    ...{ firesAt: "17m", silentAt: "14m" },
  },
  {
    alert: "MpoStoreServerAway",
    series: { [`mpo_store_server_away{${one},server="n2"}`]: "0 1x100" },
    ...{ firesAt: "7m", silentAt: "4m" },
  },
  {
    alert: "MpoStoreCopyDiffers",
    series: { [`mpo_store_copy_differs{${one},server="n2",stream="audit"}`]: "_x4 1x100" },
    ...{ firesAt: "6m", silentAt: "2m" },
  },
  {
    alert: "MpoCallsFail",
    series: { [`mpo_calls_total{${one},method="hello",code="unavailable"}`]: "0x10 0+5x100" },
    ...{ firesAt: "25m", silentAt: "10m" },
  },
  {
    alert: "MpoCallsRefused",
    series: { [`mpo_calls_refused_total{${one},method="hello"}`]: "0+3x100" },
    ...{ firesAt: "15m", silentAt: "5m" },
  },
  {
    alert: "MpoSearchesWait",
    series: { [`mpo_searches_waiting{${one}}`]: "0x5 4x100" },
    firesAt: "30m",
    silentAt: "18m",
  },
  {
    alert: "MpoSearchesFail",
    series: { [`mpo_search_failures_total{${one},code="over-budget"}`]: "0x5 0+1x100" },
    ...{ firesAt: "30m", silentAt: "6m" },
  },
  {
    alert: "MpoCoordinatorCertificateEnds",
    series: { [`mpo_certificate_ends_seconds{${one},certificate="listener"}`]: "3600x100" },
    ...{ firesAt: "55m", silentAt: "40m" },
  },
  {
    alert: "MpoAuthorityEnds",
    series: { [`mpo_certificate_ends_seconds{${one},certificate="authority"}`]: "7000000x200" },
    ...{ firesAt: "65m", silentAt: "30m" },
  },
  {
    alert: "MpoDevicesOffline",
    series: {
      [`mpo_devices_by_state{${one},state="online"}`]: "95 70x100",
      [`mpo_devices_by_state{${one},state="offline"}`]: "5 30x100",
    },
    ...{ firesAt: "17m", silentAt: "14m" },
  },
  {
    alert: "MpoDevicesBehind",
    series: { [`mpo_devices_behind{${one}}`]: "2 20x100" },
    firesAt: "22m",
    silentAt: "19m",
  },
  {
    alert: "MpoDeviceDoubled",
    series: { [`mpo_device_conditions{${one},code="doubled"}`]: "_ 1x100" },
    ...{ firesAt: "3m", silentAt: "1m" },
  },
  {
    alert: "MpoDevicesNeedSomebody",
    series: { [`mpo_device_conditions{${one},code="clock-wrong"}`]: "_ 2x100" },
    ...{ firesAt: "32m", silentAt: "29m" },
  },
  {
    alert: "MpoProbesFail",
    series: { [`mpo_devices_probe_failing{${one}}`]: "0 1x100" },
    firesAt: "7m",
    silentAt: "4m",
  },
  {
    alert: "MpoWindowsOverBound",
    series: { [`mpo_windows_over_bound_total{${one},bound="time"}`]: "0x10 0+1x400" },
    ...{ firesAt: "20m", silentAt: "11m" },
  },
  {
    alert: "MpoWindowsBreakOff",
    series: {
      [`mpo_windows_total{${one},outcome="replaced"}`]: "0x600",
      [`mpo_windows_total{${one},outcome="cancelled"}`]: "0x10 0+1x400",
    },
    ...{ firesAt: "20m", silentAt: "11m" },
  },
  {
    alert: "MpoDeviceCertificatesLate",
    series: { [`mpo_devices_certificate_late{${one}}`]: "0 1x100" },
    ...{ firesAt: "17m", silentAt: "14m" },
  },
  {
    alert: "MpoRolloutHalted",
    series: { [`mpo_rollouts{${one},phase="halted"}`]: "_ _ 1x100" },
    firesAt: "3m",
    silentAt: "1m",
  },
  {
    alert: "MpoRolloutConflicted",
    series: { [`mpo_rollouts{${one},phase="conflicted"}`]: "_ _ 1x100" },
    ...{ firesAt: "3m", silentAt: "1m" },
  },
  {
    alert: "MpoRolloutRollingBack",
    series: { [`mpo_rollouts{${one},phase="rolling-back"}`]: "_ _ 1x100" },
    ...{ firesAt: "3m", silentAt: "1m" },
  },
  {
    alert: "MpoRolloutStuck",
    series: { [`mpo_rollout_still_seconds{${one}}`]: "300 7300x100" },
    ...{ firesAt: "7m", silentAt: "4m" },
  },
];
