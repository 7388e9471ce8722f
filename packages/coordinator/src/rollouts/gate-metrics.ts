import type { GateMeasured, GateMetric } from "@mpo/core";
import { compareVersions, type DeviceIdentity, type DocumentVersion } from "@mpo/protocol";
import type { StatusService } from "../registry/status-service.ts";
import type { Seen, WindowFacts } from "../registry/window-facts.ts";

/** A device that a wave has changed. */
export interface ChangedDevice {
  readonly identity: DeviceIdentity;
  readonly given: DocumentVersion;
}

export interface MetricSubject {
  readonly model: string;
  readonly changed: readonly ChangedDevice[];
  readonly control: readonly DeviceIdentity[];
  /** When the wave began. */
  readonly sinceMs: number;
}

type Statuses = Pick<StatusService, "of" | "windows" | "drifted">;
type Value = Pick<GateMeasured, "value" | "sample" | "message">;

/** Measures a wave by what its devices have reported since they were changed. Without a value: nothing was reported. */
export function measureMetric(statuses: Statuses, metric: GateMetric, subject: MetricSubject): Value {
  const { model, changed, control, sinceMs } = subject;
  const all = changed.flatMap(({ identity, given }) =>
    statuses.windows(identity).filter((one) => one.model === model && isSince(one, given)),
  );
  const windows = all.filter(({ outcome }) => outcome !== "checked");
  switch (metric) {
    case "memory-over-bound":
      return share(all, "checks and windows", ({ outcome, memoryBytes }) =>
        outcome === "over-memory" ? true : memoryBytes && isOver(memoryBytes),
      );
    case "memory-error":
      return mean(all, "checks and windows", ({ memoryBytes }) => memoryBytes && errorOf(memoryBytes));
    case "time-over-bound":
      return share(all, "checks and windows", ({ stepMs }) => stepMs && isOver(stepMs));
    case "time-error":
      return mean(all, "checks and windows", ({ stepMs }) => stepMs && errorOf(stepMs));
    case "accuracy-gain":
      return mean(windows, "windows", gainOf);
    case "accuracy-drop":
      return share(windows, "windows", (window) => {
        const gain = gainOf(window);
        return gain === undefined ? undefined : gain < 0;
      });
    case "gain-over-control": {
      const others = control.flatMap((identity) =>
        statuses.windows(identity).filter((one) => one.model === model && one.receivedAtMs >= sinceMs),
      );
      return difference(mean(windows, "windows", gainOf), mean(others, "windows", gainOf));
    }
    case "windows-cancelled":
      return share(windows, "windows", ({ outcome }) => outcome === "cancelled");
    case "windows-failed":
      return share(windows, "windows", ({ outcome }) => FAILED.includes(outcome));
    case "documents-refused":
      return share(changed, "devices", ({ identity, given }) => {
        const state = statuses.of(identity, given)?.state;
        return state === undefined ? undefined : state === "refused";
      });
    case "drift":
      return share(changed, "devices", ({ identity }) => statuses.drifted(identity)?.includes(model));
  }
}

const FAILED: readonly WindowFacts["outcome"][] = ["over-memory", "out-of-time", "failed"];

function isSince({ document }: WindowFacts, given: DocumentVersion): boolean {
  return document !== undefined && compareVersions(document, given) >= 0;
}

function isOver({ seen, predicted }: Seen): boolean {
  return seen > predicted.upper;
}

function errorOf({ seen, predicted }: Seen): number | undefined {
  return seen === 0 ? undefined : Math.abs(seen - predicted.expected) / seen;
}

function gainOf({ accuracyBefore, accuracyAfter }: WindowFacts): number | undefined {
  return accuracyBefore === undefined || accuracyAfter === undefined ? undefined : accuracyAfter - accuracyBefore;
}

/** Of how many it is true, of those that it is known of. */
function share<Item>(items: readonly Item[], what: string, isSo: (item: Item) => boolean | undefined): Value {
  const known = items.map(isSo).filter((one) => one !== undefined);
  const count = known.filter(Boolean).length;
  const message = `${count} of ${known.length} ${what}`;
  return known.length === 0 ? nothing(what) : { value: count / known.length, sample: known.length, message };
}

function mean<Item>(items: readonly Item[], what: string, numberOf: (item: Item) => number | undefined): Value {
  const known = items.map(numberOf).filter((one) => one !== undefined);
  if (known.length === 0) return nothing(what);
  const value = known.reduce((sum, one) => sum + one, 0) / known.length;
  return { value, sample: known.length, message: `${value.toFixed(3)} over ${known.length} ${what}` };
}

function difference(changed: Value, control: Value): Value {
  const sample = Math.min(changed.sample ?? 0, control.sample ?? 0);
  const message = `changed: ${changed.message}; control: ${control.message}`;
  if (changed.value === undefined || control.value === undefined) return { sample, message };
  return { value: changed.value - control.value, sample, message };
}

function nothing(what: string): Value {
  return { sample: 0, message: `no ${what} that say it yet` };
}
