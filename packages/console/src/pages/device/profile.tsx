import { Chart, type Series } from "@mpo/charts";
import {
  counted,
  curvesOf,
  describeConfig,
  describeFreezing,
  formatBytes,
  formatMs,
  formatShare,
  type MethodCurve,
  median,
  type Profile,
} from "@mpo/core";
import type { VNode } from "preact";
import { call } from "../../api/call.ts";
import { useLoad } from "../../state/load.ts";
import { tenant } from "../../state/who.ts";
import { Failure } from "../../ui/failure.tsx";
import { Ago, Facts } from "../../ui/figures.tsx";
import { Empty, Section } from "../../ui/page.tsx";

/** What a device has measured of a model: memory and time as predicted and as seen, and what learning gains. */
export function ProfileSection({ device, model }: { readonly device: string; readonly model: string }): VNode {
  const { value, error } = useLoad(
    async (signal) => {
      const identity = { tenant: tenant.value, device };
      // Asked for only where there is one: that there is none yet is no failure.
      const { profiles } = await call("listProfiles", { tenant: identity.tenant, device, model, pageSize: 1 }, signal);
      return profiles.length === 0 ? "none" : await call("getProfile", { identity, model }, signal);
    },
    { keys: [device, model], when: (event) => event.kind === "profile-stored" && event.device === device },
  );
  return (
    <Section id="profile" title={`Profile of ${model}`}>
      <Failure error={error} />
      {value === "none" && (
        <Empty title="It has not measured this model yet.">
          <p>An agent measures by itself when the device is idle. “Measure again” above asks it to.</p>
        </Empty>
      )}
      {value !== undefined && value !== "none" && (
        <Measured profile={value.profile} receivedAtMs={value.receivedAtMs} />
      )}
    </Section>
  );
}

function Measured({ profile, receivedAtMs }: { readonly profile: Profile; readonly receivedAtMs: number }): VNode {
  const { spent, steps, sharedFrom, effectiveBatch, method, others = [], software } = profile;
  return (
    <>
      <Facts
        of={[
          ["measured", <Ago key="at" at={receivedAtMs} />],
          sharedFrom === undefined
            ? undefined
            : [
                "shared from",
                <a key="from" href={`/devices/${sharedFrom}`}>
                  {sharedFrom}
                </a>,
              ],
          ["took", tookWords(spent)],
          ["trains by", `${method.loss}, ${method.optimizer}, batches of ${effectiveBatch}`],
          others.length === 0 ? undefined : ["or by", others.map((other) => other.method.loss).join(", ")],
          ["engine", `${software.engine}, TensorFlow ${software.library}`],
        ]}
      />
      <div class="pictures">
        <MemoryPicture steps={steps} />
        <CurvesPicture curves={curvesOf(profile)} />
      </div>
    </>
  );
}

/** What is not known, such as of a profile that only learned how accuracy changes, is left out. */
function tookWords({ ms, peakBytes, configs }: Profile["spent"]): string {
  const [memory, count] = [`up to ${formatBytes(peakBytes)}`, counted(configs, "configuration")];
  return [formatMs(ms), ...(peakBytes === 0 ? [] : [memory]), ...(configs === 0 ? [] : [count])].join(", ");
}

function MemoryPicture({ steps }: Pick<Profile, "steps">): VNode {
  const seen = steps.filter(({ peakBytes }) => peakBytes !== undefined);
  const points = seen.map(({ plannedBytes, peakBytes = 0 }) => [plannedBytes, peakBytes] as const);
  const most = Math.max(...points.flat(), 0);
  const series: readonly Series[] = [
    { name: "measured steps", kind: "dots", points },
    ...(points.length === 0
      ? []
      : [
          {
            name: "as planned",
            kind: "guide",
            points: [
              [0, 0],
              [most, most],
            ],
            colour: 1,
          } as const,
        ]),
  ];
  return (
    <Chart
      title="Memory, planned and measured"
      caption="A step on the line took exactly what its plan says. What lies above is learned, and added to predictions."
      x={{ title: "planned", format: (value) => formatBytes(value), isBytes: true, fromZero: true }}
      y={{ title: "measured", format: (value) => formatBytes(value), isBytes: true, fromZero: true }}
      series={series}
      numbers={{
        caption: "Measured steps",
        columns: [
          "Configuration",
          { title: "Planned", isNumber: true },
          { title: "Measured", isNumber: true },
          { title: "Step", isNumber: true },
        ],
        rows: steps.map(({ config, plannedBytes, peakBytes, stepMs }, index) => ({
          key: `${index}`,
          cells: [
            describeConfig(config),
            formatBytes(plannedBytes),
            peakBytes === undefined ? "–" : formatBytes(peakBytes),
            formatMs(median(stepMs)),
          ],
        })),
      }}
    />
  );
}

/** More lines cannot be told apart; the table has all. */
const MOST_CURVES = 6;

function CurvesPicture({ curves }: { readonly curves: readonly MethodCurve[] }): VNode {
  const nameOf = ({ loss, curve: { freezing, microBatch } }: MethodCurve): string =>
    `${loss}, ${describeFreezing(freezing)}, batches of ${microBatch}`;
  const series = curves.slice(0, MOST_CURVES).map(
    ({ loss, curve }, index): Series => ({
      name: `${index + 1}. ${nameOf({ loss, curve })}`,
      kind: "line",
      points: [[0, curve.startAccuracy], ...curve.points.map(({ steps, accuracy: at }) => [steps, at] as const)],
    }),
  );
  return (
    <Chart
      title="What learning gains"
      caption={
        curves.some(({ curve: { judge } }) => judge === "label-free")
          ? "Accuracy along short trainings, estimated without labels."
          : "Accuracy along short trainings, by labels."
      }
      x={{ title: "steps", format: (value) => String(value), fromZero: true }}
      y={{ title: "accuracy", format: (value) => `${Math.round(1000 * value) / 10} %` }}
      series={series}
      numbers={{
        caption: "Learning curves",
        columns: [
          "Curve",
          { title: "Before", isNumber: true },
          { title: "Best", isNumber: true },
          { title: "after steps", isNumber: true },
        ],
        rows: curves.map(({ loss, curve }, index) => {
          const best = curve.points.reduce((high, point) => (point.accuracy > high.accuracy ? point : high), {
            steps: 0,
            accuracy: curve.startAccuracy,
          });
          return {
            key: `${index}`,
            cells: [
              `${index + 1}. ${nameOf({ loss, curve })}`,
              formatShare(curve.startAccuracy),
              formatShare(best.accuracy),
              best.steps,
            ],
          };
        }),
      }}
    />
  );
}
