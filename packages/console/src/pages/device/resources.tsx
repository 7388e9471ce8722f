import { Chart } from "@mpo/charts";
import { formatBytes, formatMoment } from "@mpo/core";
import type { Resources } from "@mpo/protocol";
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Facts } from "../../ui/figures.tsx";
import { Section } from "../../ui/page.tsx";

/** An hour of what is heard every ten seconds; more would only grow. */
const MOST_LOOKS = 360;

/** What the device has free now, and since this page was opened: the coordinator keeps no history of it. */
export function ResourcesSection({
  resources,
  memoryBytes,
}: {
  readonly resources: Resources;
  readonly memoryBytes: number;
}): VNode {
  const [looks, setLooks] = useState<readonly Resources[]>([resources]);
  const newest = useRef(resources.measuredAtMs);
  useEffect(() => {
    if (resources.measuredAtMs === newest.current) return;
    newest.current = resources.measuredAtMs;
    setLooks((before) => [...before.slice(1 - MOST_LOOKS), resources]);
  }, [resources]);
  const { memoryLimitBytes, memoryPressurePercent, temperatureCelsius, loadAverage, diskFreeBytes, isThrottled } =
    resources;
  const first = looks[0]?.measuredAtMs ?? 0;
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
      <p class="faint">
        The coordinator keeps only the newest figures. A line of free memory begins when you open this page, and grows
        while it stays open.
      </p>
      {looks.length > 1 && (
        <div class="pictures">
          <Chart
            title="Free memory since this page was opened"
            caption="As the device reports it, with each heartbeat."
            x={{ title: "minutes", format: (value) => String(Math.round(10 * value) / 10) }}
            y={{ title: "free", format: (value) => formatBytes(value), isBytes: true, fromZero: true }}
            series={[
              {
                name: "free memory",
                kind: "steps",
                points: looks.map((look) => [(look.measuredAtMs - first) / 60_000, look.memoryAvailableBytes]),
              },
            ]}
            numbers={{
              caption: "Free memory, newest first",
              columns: ["Time (UTC)", { title: "Free", isNumber: true }, { title: "Load", isNumber: true }],
              rows: [...looks]
                .reverse()
                .slice(0, 60)
                .map((look) => ({
                  key: String(look.measuredAtMs),
                  cells: [
                    formatMoment(look.measuredAtMs),
                    formatBytes(look.memoryAvailableBytes),
                    look.loadAverage.toFixed(2),
                  ],
                })),
            }}
          />
        </div>
      )}
    </Section>
  );
}
