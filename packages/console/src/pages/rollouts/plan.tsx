import { Chart, Table } from "@mpo/charts";
import { counted, formatBytes, formatDuration, formatMs, formatShare, SECOND_MS } from "@mpo/core";
import type { RolloutView } from "@mpo/protocol";
import type { VNode } from "preact";
import { pathTo } from "../../state/path-to.ts";
import { Section } from "../../ui/page.tsx";

const SHOWN_LEFT_OUT = 50;

/** Who would get what, how long it is expected to take, and who is left out. */
export function PlanSection({ rollout }: { readonly rollout: RolloutView }): VNode {
  const { distribution, leftOut, leftOutCount, control, forecast } = rollout;
  return (
    <Section id="plan" title="Plan">
      {control > 0 && <p>{counted(control, "device")} stay as they are, to be compared with.</p>}
      {distribution.length > 0 && (
        <Table
          caption="What is given to how many devices"
          showsCaption
          columns={[
            "Configuration",
            { title: "Devices", isNumber: true },
            { title: "Memory up to", isNumber: true },
            { title: "Step up to", isNumber: true },
            { title: "Accuracy", isNumber: true },
          ]}
          rows={distribution.map(({ config, devices, memoryBytes, stepMs, accuracy }) => ({
            key: config,
            cells: [
              config,
              devices,
              memoryBytes === undefined ? "–" : formatBytes(memoryBytes),
              stepMs === undefined ? "–" : formatMs(stepMs),
              accuracy === undefined ? "–" : formatShare(accuracy),
            ],
          }))}
        />
      )}
      {forecast === undefined ? (
        <p class="faint">How long it will take was not simulated.</p>
      ) : (
        <Forecast rollout={rollout} forecast={forecast} />
      )}
      {leftOutCount > 0 && (
        <details>
          <summary>{counted(leftOutCount, "device")} not changed</summary>
          <Table
            caption="Devices that are not changed"
            columns={["Device", "Why"]}
            rows={leftOut.slice(0, SHOWN_LEFT_OUT).map(({ device, cause, message }) => ({
              key: device,
              cells: [
                <a key="device" href={pathTo("devices", device)}>
                  {device}
                </a>,
                message === "" ? cause : message,
              ],
            }))}
          />
          {leftOutCount > SHOWN_LEFT_OUT && <p class="faint">and {leftOutCount - SHOWN_LEFT_OUT} more</p>}
        </details>
      )}
    </Section>
  );
}

function Forecast({
  rollout,
  forecast,
}: {
  readonly rollout: RolloutView;
  readonly forecast: NonNullable<RolloutView["forecast"]>;
}): VNode {
  const { expectedMs, peakDevices, slowest, assumptions, waveEndsMs } = forecast;
  const [unit, unitMs] = expectedMs < 180_000 ? (["seconds", 1_000] as const) : (["minutes", 60_000] as const);
  let done = 0;
  const points = [
    [0, 0] as const,
    ...waveEndsMs.map((endMs, index) => {
      done += rollout.waves[index]?.devices ?? 0;
      return [endMs / unitMs, done] as const;
    }),
  ];
  return (
    <>
      <p>
        Simulated: about {formatDuration(expectedMs / SECOND_MS)}, with up to {counted(peakDevices, "device")} being
        changed at once.
      </p>
      {slowest.length > 0 && (
        <ul>
          {slowest.map(({ device, ms, message }) => (
            <li key={device}>
              {device} takes {formatMs(ms)}: {message}
            </li>
          ))}
        </ul>
      )}
      <div class="pictures">
        <Chart
          title="Devices changed, as simulated"
          caption={assumptions.length === 0 ? "From the start until the last wave has passed." : assumptions.join("; ")}
          x={{
            title: `${unit} from the start`,
            format: (value) => String(Math.round(value * 10) / 10),
            fromZero: true,
          }}
          y={{ title: "devices", format: (value) => value.toLocaleString("en"), fromZero: true, isWhole: true }}
          series={[{ name: "devices", kind: "line", points }]}
          numbers={{
            caption: "Ends of waves, as simulated",
            columns: ["Wave", { title: "Over after", isNumber: true }, { title: "Devices", isNumber: true }],
            rows: waveEndsMs.map((endMs, index) => ({
              key: `${index}`,
              cells: [index + 1, formatDuration(endMs / SECOND_MS), rollout.waves[index]?.devices ?? 0],
            })),
          }}
        />
      </div>
    </>
  );
}
