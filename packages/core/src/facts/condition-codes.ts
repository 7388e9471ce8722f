/** What may be wrong with a device that a person should look at. */
export const CONDITION_CODES = [
  "unreadable",
  "not-writable",
  "inputs-silent",
  "inputs-not-removed",
  "probe-waits",
  "nats-unconnected",
  "report-pending",
  "clock-wrong",
  "log-not-written",
  "throttled",
  "document-refused",
  "model-pending",
  "document-pending",
  "doubled",
  "other",
] as const;
