import { formatBytes, formatVersion } from "@mpo/core";
import type { DeviceView } from "@mpo/protocol";
import type { ComponentChildren } from "preact";
import { pathTo } from "../../state/path-to.ts";
import { Ago, Badge } from "../../ui/figures.tsx";
import { DOCUMENT_TONES, PRESENCE_TONES, presenceOf } from "../words.ts";

export interface DeviceColumn {
  readonly id: string;
  readonly title: string;
  /** The columns do not change their widths as rows scroll by: measuring them all at each step would take its time. */
  readonly widthPx: number;
  readonly isNumber?: boolean;
  /** Shown unless it is chosen away. */
  readonly isUsual: boolean;
  readonly cell: (device: DeviceView) => ComponentChildren;
  /** What rows are sorted by; absent: they are not. */
  readonly by?: (device: DeviceView) => string | number;
}

export function memoryOf({ inventory, resources }: DeviceView): number {
  return Math.min(inventory.memoryBytes, resources.memoryLimitBytes ?? Number.POSITIVE_INFINITY);
}

export function labelsOf({ labels }: DeviceView): string {
  return labels.map(({ name, value }) => `${name}=${value}`).join(", ");
}

export function modelsOf({ models }: DeviceView): string {
  return models.map(({ name, artifact }) => (artifact === undefined ? name : `${name}@${artifact.version}`)).join(", ");
}

/** What can be shown of each device. The first names the row. */
export const DEVICE_COLUMNS: readonly DeviceColumn[] = [
  {
    ...{ id: "device", widthPx: 150, title: "Device", isUsual: true, by: ({ identity }) => identity.device },
    cell: ({ identity }) => <a href={pathTo("devices", identity.device)}>{identity.device}</a>,
  },
  {
    ...{ id: "state", widthPx: 100, title: "State", isUsual: true, by: presenceOf },
    cell: (device) => <Badge tone={PRESENCE_TONES[presenceOf(device)]}>{presenceOf(device)}</Badge>,
  },
  {
    ...{ id: "needs", widthPx: 140, title: "Needs a look", isUsual: true, by: ({ conditions }) => -conditions.length },
    cell: ({ conditions }) =>
      conditions.length === 0 ? "" : <Badge tone="warn">{conditions.map(({ code }) => code).join(", ")}</Badge>,
  },
  {
    ...{ id: "seen", widthPx: 100, title: "Last seen", isUsual: true, by: ({ lastSeenMs }) => -lastSeenMs },
    cell: ({ lastSeenMs }) => <Ago at={lastSeenMs} />,
  },
  {
    ...{ id: "class", widthPx: 120, title: "Class", isUsual: true, by: ({ inventory }) => inventory.deviceClass },
    cell: ({ inventory }) => inventory.deviceClass,
  },
  {
    ...{ id: "memory", widthPx: 100, title: "Memory", isNumber: true, isUsual: false, by: memoryOf },
    cell: (device) => formatBytes(memoryOf(device)),
  },
  {
    ...{ id: "free", widthPx: 100, title: "Free", isNumber: true, isUsual: true },
    by: ({ resources }) => resources.memoryAvailableBytes,
    cell: ({ resources }) => formatBytes(resources.memoryAvailableBytes),
  },
  {
    ...{ id: "models", widthPx: 140, title: "Models", isUsual: true, by: modelsOf },
    cell: modelsOf,
  },
  {
    ...{ id: "config", widthPx: 150, title: "Configuration", isUsual: true },
    cell: ({ desiredVersion, reportedStatus }) => (
      <>
        {desiredVersion === undefined ? "none" : formatVersion(desiredVersion)}{" "}
        {reportedStatus !== undefined && (
          <Badge tone={DOCUMENT_TONES[reportedStatus.state]}>{reportedStatus.state}</Badge>
        )}
      </>
    ),
  },
  {
    ...{ id: "doing", widthPx: 160, title: "Busy with", isUsual: false, by: ({ doing }) => doing?.kind ?? "" },
    cell: ({ doing }) => (doing === undefined ? "" : `${doing.kind} of ${doing.model}`),
  },
  {
    ...{ id: "agent", widthPx: 100, title: "Agent", isUsual: false, by: ({ inventory }) => inventory.agentVersion },
    cell: ({ inventory }) => inventory.agentVersion,
  },
  { id: "labels", widthPx: 200, title: "Labels", isUsual: true, by: labelsOf, cell: labelsOf },
];

const KEY = "mpo-columns";

export function storedColumns(): readonly string[] {
  const known = DEVICE_COLUMNS.map(({ id }) => id);
  const usual = DEVICE_COLUMNS.filter(({ isUsual }) => isUsual).map(({ id }) => id);
  const found =
    localStorage
      .getItem(KEY)
      ?.split(",")
      .filter((id) => known.includes(id)) ?? [];
  return found.length === 0 ? usual : found;
}

export function storeColumns(ids: readonly string[]): void {
  localStorage.setItem(KEY, ids.join(","));
}
