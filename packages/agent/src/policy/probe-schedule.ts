import { type Fact, fact, given } from "@mpo/core";
import type { ProbeOrder, Resources, ServedModel } from "@mpo/protocol";

const { byteCount, digest, list, name, number, object, text, whole } = fact;

/** Orders whose names are remembered. */
const KEPT_ORDERS = 64;

/** What is remembered of the last probe of a model. */
export type ProbeRecord = Fact<typeof probeRecordSchema>;
export const probeRecordSchema = object({
  manifestDigest: digest(),
  engineVersion: text(0, 64),
  /** What the device was then; absent: an earlier release did not say. */
  deviceClass: text(0, 64).optional(),
  /** Methods that it was for, and the one that memory and time were measured under; absent: an earlier release did not say. */
  methods: list(name(), 1, 16).optional(),
  method: name().optional(),
  /** End of the last successful probe, device's clock; 0: none yet. */
  measuredAtMs: number(0, 8.64e15),
  workerIdleBytes: byteCount(),
  /** Failures since then. */
  failures: whole(),
  /** Not before this, device's clock. */
  retryAtMs: number(0, 8.64e15),
  /** Names of the orders that were carried out, newest last. */
  doneOrders: list(name(), 0, KEPT_ORDERS),
});

export type ProbeRecords = Readonly<Record<string, ProbeRecord>>;

export interface DueProbe {
  readonly model: string;
  readonly manifestDigest: string;
  readonly why: "order" | "first" | "model-changed" | "engine-changed" | "class-changed" | "methods-changed" | "stale";
  readonly order?: ProbeOrder;
}

/** What decides which probe is due. */
export interface ProbeSituation {
  readonly models: readonly ServedModel[];
  readonly orders: readonly ProbeOrder[];
  readonly records: ProbeRecords;
  readonly engineVersion: string;
  readonly deviceClass: string;
  readonly nowMs: number;
  readonly staleAfterMs: number;
  /** Methods by which a model is to be measured. */
  readonly methodsOf: (model: string) => readonly string[];
}

/** The most urgent probe: an order first, then what was never measured, then what has changed or aged. */
export function dueProbe(situation: ProbeSituation): DueProbe | undefined {
  const { models, orders, records, nowMs } = situation;
  const ready = models.filter((model) => !isWaiting(recordOf(records, model.name), model, nowMs));
  for (const order of orders) {
    const record = recordOf(records, order.model);
    const isDone = record?.doneOrders.includes(order.order) ?? false;
    const model = ready.find(
      ({ name, manifestDigest }) => name === order.model && manifestDigest === order.manifestDigest,
    );
    if (model !== undefined && !isDone)
      return { model: model.name, manifestDigest: model.manifestDigest, why: "order", order };
  }
  const due = ready.flatMap(({ name, manifestDigest }) => {
    const why = reasonFor(recordOf(records, name), { name, manifestDigest }, situation);
    return why === undefined ? [] : [{ model: name, manifestDigest, why }];
  });
  return due.toSorted((left, right) => URGENCY.indexOf(left.why) - URGENCY.indexOf(right.why))[0];
}

/** A board without a battery starts in 1970. */
const NEVER_SET_MS = Date.UTC(2000, 0, 1);

const URGENCY: readonly DueProbe["why"][] = [
  "first",
  "model-changed",
  "engine-changed",
  "class-changed",
  "methods-changed",
  "stale",
];

function reasonFor(
  record: ProbeRecord | undefined,
  { name: model, manifestDigest }: Pick<ServedModel, "name" | "manifestDigest">,
  { engineVersion, deviceClass, nowMs, staleAfterMs, methodsOf }: ProbeSituation,
): DueProbe["why"] | undefined {
  if (record === undefined || record.measuredAtMs === 0) return "first";
  if (record.manifestDigest !== manifestDigest) return "model-changed";
  if (record.engineVersion !== engineVersion) return "engine-changed";
  if (record.deviceClass !== undefined && record.deviceClass !== deviceClass) return "class-changed";
  const methods = methodsOf(model);
  // An earlier release knew of one only.
  const isOther = record.methods === undefined ? methods.length > 1 : record.methods.join() !== methods.join();
  if (isOther) return "methods-changed";
  // Measured before the clock was set: only the coordinator knows how old it is, and it asks for another in time.
  if (record.measuredAtMs < NEVER_SET_MS) return undefined;
  // A clock that was set back makes the measurement lie in the future: it is then as good as fresh.
  return nowMs - record.measuredAtMs > staleAfterMs ? "stale" : undefined;
}

/** Wait after the first failure; each further one doubles it. */
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 6 * 3_600_000;

function isWaiting(record: ProbeRecord | undefined, { manifestDigest }: ServedModel, nowMs: number): boolean {
  if (record === undefined) return false;
  // What could not be measured may be mended.
  if (record.measuredAtMs === 0 && record.manifestDigest !== manifestDigest) return false;
  const left = record.retryAtMs - nowMs;
  // More than ever was set: the clock was set back.
  return left > 0 && left <= LONGEST_WAIT_MS;
}

/** The records after a probe succeeded. */
export function probeDone(
  records: ProbeRecords,
  due: DueProbe,
  facts: Pick<ProbeRecord, "engineVersion" | "deviceClass" | "methods" | "method" | "workerIdleBytes"> & {
    readonly nowMs: number;
  },
): ProbeRecords {
  const orders = recordOf(records, due.model)?.doneOrders ?? [];
  const record: ProbeRecord = {
    manifestDigest: due.manifestDigest,
    engineVersion: facts.engineVersion,
    ...given({ deviceClass: facts.deviceClass, methods: facts.methods, method: facts.method }),
    measuredAtMs: facts.nowMs,
    workerIdleBytes: facts.workerIdleBytes,
    failures: 0,
    retryAtMs: 0,
    doneOrders: withOrder(orders, due),
  };
  return { ...records, [due.model]: record };
}

/** The records after a probe failed: it waits, longer each time. An order that failed three times is given up. */
export function probeFailed(records: ProbeRecords, due: DueProbe, nowMs: number): ProbeRecords {
  const before = recordOf(records, due.model);
  const failures = (before?.failures ?? 0) + 1;
  const record: ProbeRecord = {
    manifestDigest: before === undefined || before.measuredAtMs === 0 ? due.manifestDigest : before.manifestDigest,
    engineVersion: before?.engineVersion ?? "",
    ...given({ deviceClass: before?.deviceClass, methods: before?.methods, method: before?.method }),
    measuredAtMs: before?.measuredAtMs ?? 0,
    workerIdleBytes: before?.workerIdleBytes ?? 0,
    failures,
    retryAtMs: nowMs + Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1)),
    doneOrders: failures % 3 === 0 ? withOrder(before?.doneOrders ?? [], due) : (before?.doneOrders ?? []),
  };
  return { ...records, [due.model]: record };
}

function withOrder(orders: readonly string[], { order }: DueProbe): readonly string[] {
  return order === undefined ? orders : [...orders, order.order].slice(-KEPT_ORDERS);
}

function recordOf(records: ProbeRecords, model: string): ProbeRecord | undefined {
  return Object.hasOwn(records, model) ? records[model] : undefined;
}

/** When the machine counts as idle enough to measure on. */
export interface IdleRule {
  /** Load average per core. */
  readonly maxLoadPerCore: number;
  readonly maxCpuPressurePercent: number;
}

export const DEFAULT_IDLE_RULE: IdleRule = { maxLoadPerCore: 0.7, maxCpuPressurePercent: 20 };

/** Whether a probe may begin: what it measures on a busy machine is wrong, and it would slow the serving program. */
export function isIdle(resources: Resources, cpuCores: number, rule: IdleRule): boolean {
  const isLoaded = resources.loadAverage > rule.maxLoadPerCore * cpuCores;
  return !isLoaded && (resources.cpuPressurePercent ?? 0) <= rule.maxCpuPressurePercent;
}
