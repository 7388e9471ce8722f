import { Chart, type ChartProps } from "@mpo/charts";
import { formatBytes, formatMoment } from "@mpo/core";
import type { DeviceIdentity, ResourcePoint, Resources } from "@mpo/protocol";
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../../api/call.ts";
import { serverNow } from "../../state/clock.ts";
import { useLoad } from "../../state/load.ts";
import { Failure } from "../../ui/failure.tsx";
import { Facts } from "../../ui/figures.tsx";
import { Section } from "../../ui/page.tsx";

/** A coordinator's history has a point for five minutes. */
const REFRESH_MS = 60_000;
/** Ten minutes of what is heard every ten seconds: the history has what is older. */
const MOST_LOOKS = 60;
const MINUTE_MS = 60_000;
/** Longer is drawn in hours. */
const MOST_MINUTES = 180;

interface ResourcesProps {
  readonly identity: DeviceIdentity;
  readonly resources: Resources;
  readonly memoryBytes: number;
}

/** What the device has free now, over the last day, and since this page was opened. */
export function ResourcesSection({ identity, resources, memoryBytes }: ResourcesProps): VNode {
  const { value, error } = useLoad((signal) => call("listResources", { identity }, signal), {
    keys: [identity.tenant, identity.device],
    everyMs: REFRESH_MS,
  });
  const looks = useLooks(resources);
  const { memoryLimitBytes, memoryPressurePercent, temperatureCelsius, loadAverage, diskFreeBytes, isThrottled } =
    resources;
  return (
    <Section id="resources" title="Resources">
      <Facts
        of={[
          ["memory free", `${formatBytes(resources.memoryAvailableBytes)} of ${formatBytes(memoryBytes)}`],
          memoryLimitBytes === undefined ? undefined : ["limit", formatBytes(memoryLimitBytes)],
          memoryPressurePercent === undefined
            ? undefined
            : ["memory pressure", `${memoryPressurePercent.toFixed(1)} %`],
          ["load", loadAverage.toFixed(2)],
          ["disk free", formatBytes(diskFreeBytes)],
          temperatureCelsius === undefined ? undefined : ["temperature", `${temperatureCelsius.toFixed(0)} °C`],
          isThrottled ? ["throttled", "yes: slower than it could be, by heat or voltage"] : undefined,
        ]}
      />
      <Failure error={error} />
      <p class="faint">
        The coordinator that you see keeps a day of this in its memory, from when it was started: of each five minutes
        the worst. What is heard while this page is open is drawn beside it.
      </p>
      <Pictures past={value?.points ?? []} looks={looks} />
    </Section>
  );
}

/** What was heard while the page was open. */
function useLooks(resources: Resources): readonly ResourcePoint[] {
  const point = ({ memoryAvailableBytes, loadAverage, temperatureCelsius }: Resources): ResourcePoint => ({
    ...{ fromMs: serverNow(), memoryAvailableBytes, loadAverage, temperatureCelsius },
  });
  const [looks, setLooks] = useState<readonly ResourcePoint[]>(() => [point(resources)]);
  const newest = useRef(resources.measuredAtMs);
  useEffect(() => {
    if (resources.measuredAtMs === newest.current) return;
    newest.current = resources.measuredAtMs;
    setLooks((before) => [...before.slice(1 - MOST_LOOKS), point(resources)]);
  }, [resources]);
  return looks;
}

interface Picture extends Pick<ChartProps, "title"> {
  readonly of: (point: ResourcePoint) => number | undefined;
  readonly show: (value: number) => string;
  readonly isBytes?: boolean;
  /** What the worst of five minutes is. */
  readonly worst: string;
}

const PICTURES: readonly Picture[] = [
  {
    title: "Free memory",
    of: ({ memoryAvailableBytes }) => memoryAvailableBytes,
    show: (value) => formatBytes(value),
    isBytes: true,
    worst: "least",
  },
  { title: "Load", of: ({ loadAverage }) => loadAverage, show: (value) => value.toFixed(2), worst: "most" },
  {
    title: "Temperature",
    of: ({ temperatureCelsius }) => temperatureCelsius,
    show: (value) => `${value.toFixed(0)} °C`,
    worst: "most",
  },
];

function Pictures({
  past,
  looks,
}: {
  readonly past: readonly ResourcePoint[];
  readonly looks: readonly ResourcePoint[];
}): VNode | null {
  const all = [...past, ...looks];
  if (all.length < 3) return null;
  const newest = Math.max(...all.map(({ fromMs }) => fromMs));
  const oldest = Math.min(...all.map(({ fromMs }) => fromMs));
  const isLong = newest - oldest > MOST_MINUTES * MINUTE_MS;
  const unitMs = isLong ? 60 * MINUTE_MS : MINUTE_MS;
  return (
    <div class="pictures">
      {PICTURES.map(({ title, of, show, isBytes = false, worst }) => {
        const points = (those: readonly ResourcePoint[]): readonly (readonly [number, number])[] =>
          those.flatMap((point) => {
            const value = of(point);
            return value === undefined ? [] : [[(point.fromMs - newest) / unitMs, value] as const];
          });
        if (points(all).length === 0) return null;
        return (
          <Chart
            key={title}
            title={title}
            caption={`The ${worst} of each five minutes, and every figure since this page was opened.`}
            x={{
              title: `${isLong ? "hours" : "minutes"} ago`,
              format: (value) => String(Math.round(-10 * value) / 10),
            }}
            y={{ title: title.toLowerCase(), format: show, isBytes, fromZero: true }}
            series={[
              { name: `${worst} of five minutes`, kind: "steps", points: points(past) },
              { name: "since this page was opened", kind: "line", points: points(looks) },
            ]}
            numbers={{
              caption: `${title}, newest first`,
              columns: ["From (UTC)", { title, isNumber: true }],
              rows: all.toReversed().flatMap((point, index) => {
                const value = of(point);
                return value === undefined
                  ? []
                  : [{ key: `${index}`, cells: [formatMoment(point.fromMs), show(value)] }];
              }),
            }}
          />
        );
      })}
    </div>
  );
}
