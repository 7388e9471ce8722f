import { Table } from "@mpo/charts";
import { byWhom, counted, type GateState, type Measurement } from "@mpo/core";
import type { RolloutView, StateCount, WaveView } from "@mpo/protocol";
import type { VNode } from "preact";
import { Ago, Badge, type Tone } from "../../ui/figures.tsx";
import { Section } from "../../ui/page.tsx";

type DeviceState = StateCount["state"];

/** In the order of a device's way. */
export const DEVICE_STATE_TONES: Readonly<Record<DeviceState, Tone>> = {
  confirmed: "good",
  "in-progress": "busy",
  "rolling-back": "warn",
  failed: "bad",
  refused: "bad",
  "timed-out": "bad",
  offline: "warn",
  pending: "plain",
  "rolled-back": "plain",
  superseded: "plain",
};

const STATES = Object.keys(DEVICE_STATE_TONES) as readonly DeviceState[];

const WAVE_TONES: Readonly<Record<WaveView["state"], Tone>> = {
  waiting: "plain",
  approval: "warn",
  running: "busy",
  dwelling: "busy",
  passed: "good",
  failed: "bad",
};
const WAVE_WORDS: Readonly<Record<WaveView["state"], string>> = {
  waiting: "waiting",
  approval: "waits for approval",
  running: "running",
  dwelling: "being watched",
  passed: "passed",
  failed: "failed",
};

/** Waves with how many devices are in which state. */
export function WavesSection({ rollout }: { readonly rollout: RolloutView }): VNode {
  const { waves, wave: current, phase } = rollout;
  const isMoving = !["planned", "completed", "stopped", "rolled-back"].includes(phase);
  return (
    <Section id="waves" title="Waves">
      <ol class="waves">
        {waves.map((wave, index) => (
          <li
            key={wave.sinceMs + index}
            class={index === current && isMoving ? "card current" : "card"}
            {...(index === current && isMoving ? { "aria-current": "step" as const } : {})}
          >
            <h3>
              Wave {index + 1} <Badge tone={WAVE_TONES[wave.state]}>{WAVE_WORDS[wave.state]}</Badge>
            </h3>
            <p class="faint">
              {counted(wave.devices, "device")}
              {phase !== "planned" && (
                <>
                  , since <Ago at={wave.sinceMs} />
                </>
              )}
              {wave.approvedBy !== undefined && `, approved by ${byWhom(wave.approvedBy)}`}
            </p>
            <Progress counts={wave.counts} total={wave.devices} />
          </li>
        ))}
      </ol>
      <Gates waves={waves} />
    </Section>
  );
}

/** Counts by state as a bar, and in words: `3 confirmed, 1 failed`. */
function Progress({ counts, total }: { readonly counts: readonly StateCount[]; readonly total: number }): VNode {
  const sorted = STATES.flatMap((state) => counts.filter((one) => one.state === state));
  return (
    <>
      <div class="progress" aria-hidden="true">
        {sorted.map(({ state, devices }) => (
          <span
            key={state}
            class={DEVICE_STATE_TONES[state]}
            style={{ width: `${(100 * devices) / Math.max(1, total)}%` }}
          />
        ))}
      </div>
      <p class="counts">
        {sorted.map(({ state, devices }) => (
          <span key={state}>
            <Badge tone={DEVICE_STATE_TONES[state]}>
              {devices.toLocaleString("en")} {state}
            </Badge>{" "}
          </span>
        ))}
      </p>
    </>
  );
}

/** What each wave has to pass, and what was measured. */
function Gates({ waves }: { readonly waves: readonly WaveView[] }): VNode | null {
  const all = waves.flatMap(({ gates }, wave) => gates.map((gate) => ({ wave, gate })));
  if (all.length === 0) return null;
  return (
    <>
      <Table
        caption="Gates"
        showsCaption
        columns={["Gate", "Wave", "Says", "Measured", "Newest measurement"]}
        rows={all.map(({ wave, gate }) => {
          const newest = gate.measurements.at(-1);
          return {
            key: `${wave} ${gate.name}`,
            cells: [
              gate.name,
              wave + 1,
              <Verdict key="verdict" verdict={gate.verdict} />,
              tallyOf(gate),
              newest === undefined ? (
                "nothing yet"
              ) : (
                <span key="newest" class="words">
                  {measuredWords(newest)}, <Ago at={newest.atMs} />
                </span>
              ),
            ],
          };
        })}
      />
      <details>
        <summary>All measurements that are kept</summary>
        <Table
          caption="Measurements, newest first"
          columns={["Gate", "Wave", "When", "Says"]}
          rows={all.flatMap(({ wave, gate }) =>
            [...gate.measurements].reverse().map((one, index) => ({
              key: `${wave} ${gate.name} ${index}`,
              cells: [gate.name, wave + 1, <Ago key="at" at={one.atMs} />, measuredWords(one)],
            })),
          )}
        />
      </details>
    </>
  );
}

function Verdict({ verdict }: Pick<GateState, "verdict">): VNode {
  if (verdict === undefined) return <Badge tone="busy">measuring</Badge>;
  return <Badge tone={({ success: "good", failure: "bad", inconclusive: "warn" } as const)[verdict]}>{verdict}</Badge>;
}

function tallyOf({ taken, failures, inconclusives }: GateState): string {
  const bad = [
    ...(failures === 0 ? [] : [`${failures} failed`]),
    ...(inconclusives === 0 ? [] : [`${inconclusives} without an answer`]),
  ];
  return [taken === 1 ? "once" : `${taken} times`, ...bad].join(", ");
}

function measuredWords({ value, sample, verdict, message }: Measurement): string {
  const of = sample === undefined ? "" : ` of ${sample}`;
  const number = value === undefined ? "no number" : `${Number(value.toPrecision(4))}${of}`;
  return `${number}: ${verdict}${message === "" ? "" : `, ${message}`}`;
}
