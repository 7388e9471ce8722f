import { Chart, type Point, type Row, type Series, Table } from "@mpo/charts";
import {
  describeRung,
  formatAccuracy,
  formatBytes,
  formatMs,
  formatShare,
  type Prediction,
  peakBytesOf,
  STEP_PHASES,
} from "@mpo/core";
import type { AdminServiceMethods, RejectedRung, ResponseOf, StepMoment, TriedConfig } from "@mpo/protocol";
import type { VNode } from "preact";
import { Badge, type Tone } from "../../ui/figures.tsx";

export type Tried = ResponseOf<AdminServiceMethods["tryBudget"]>;

/** What is against a configuration, in a word, by the code of its reason. */
const AGAINST: Readonly<Record<string, readonly [string, Tone]>> = {
  "runner-up": ["runner-up", "busy"],
  memory: ["needs more memory", "warn"],
  "exact-memory": ["needs more memory", "warn"],
  window: ["takes too long", "warn"],
  dominated: ["beaten", "plain"],
};

const FIGURES = [
  { title: "Memory up to", isNumber: true },
  { title: "Step", isNumber: true },
  { title: "Accuracy", isNumber: true },
] as const;

function figuresOf({ memoryBytes, stepMs, accuracy }: Prediction): readonly string[] {
  return [formatBytes(memoryBytes.upper, Math.ceil), formatMs(stepMs.expected), formatAccuracy(accuracy)];
}

/** Rows that are seen at once: the runner-up, and the nearest of the others. */
const SHOWN = 4;

/** What was chosen, and what came next, with what was against it. */
export function Compared({
  chosen,
  rejected,
}: {
  readonly chosen: Prediction;
  readonly rejected: readonly RejectedRung[];
}): VNode {
  const rows = rejected.map(rowOf);
  const first = {
    key: "chosen",
    isMarked: true,
    cells: [
      describeRung(chosen),
      <Badge key="badge" tone="good">
        chosen
      </Badge>,
      ...figuresOf(chosen),
      "the best of those that fit",
    ],
  };
  const columns = ["Configuration", "Against it", ...FIGURES, "Because"];
  return (
    <>
      <Table
        caption="What was chosen, and what came next"
        showsCaption
        columns={columns}
        rows={[first, ...rows.slice(0, SHOWN)]}
      />
      {rows.length > SHOWN && (
        <details>
          <summary>{rows.length - SHOWN} more that were not chosen</summary>
          <Table caption="More that were not chosen" columns={columns} rows={rows.slice(SHOWN)} />
        </details>
      )}
    </>
  );
}

function rowOf({ rung, reason }: RejectedRung, index: number): Row {
  const [words, tone] = AGAINST[reason.code] ?? [reason.code, "plain"];
  return {
    key: `${index}`,
    cells: [
      describeRung(rung),
      <Badge key="badge" tone={tone}>
        {words}
      </Badge>,
      ...figuresOf(rung),
      <span key="because" class="words">
        {reason.text}
      </span>,
    ],
  };
}

interface TradeProps {
  readonly rungs: readonly Prediction[];
  readonly chosenRung: number;
  readonly budgetBytes: number;
  /** All that was looked at, or some of it; absent: it is not known. */
  readonly tried: readonly TriedConfig[] | undefined;
}

/** Memory against accuracy: all that was looked at, the ladder, and the budget. */
export function Trade({ rungs, chosenRung, budgetBytes, tried = [] }: TradeProps): VNode {
  const at = ({ memoryBytes, accuracy }: Prediction): Point => [memoryBytes.upper, accuracy.expected];
  const of = (those: readonly TriedConfig[]): readonly Point[] =>
    those.map(({ memoryBytes, accuracy }) => [memoryBytes, accuracy]);
  const chosen = rungs[chosenRung];
  const over = tried.filter(({ cut }) => cut === "memory" || cut === "exact-memory" || cut === "window");
  const beaten = tried.filter(({ cut }) => cut === "dominated");
  const front = tried.filter(({ cut }) => cut === undefined);
  const some = (name: string, points: readonly Point[], colour: number): readonly Series[] =>
    points.length === 0 ? [] : [{ name, kind: "dots", points, colour, isSmall: true }];
  const series: readonly Series[] = [
    ...some("does not fit", of(over), 1),
    ...some("beaten by another", of(beaten), 3),
    ...some("nothing is better", of(front), 5),
    { name: "ladder", kind: "line", points: rungs.map(at), colour: 0 },
    ...(chosen === undefined
      ? []
      : [{ name: "chosen", kind: "dots", points: [at(chosen)], colour: 2, isStrong: true } as const]),
  ];
  return (
    <Chart
      title="Memory against accuracy"
      caption="Each mark is a configuration, by the most memory it may need. The ladder has the best for each amount."
      x={{ title: "memory, up to", format: (value) => formatBytes(value), isBytes: true }}
      y={{ title: "accuracy after the window", format: (value) => `${Math.round(1000 * value) / 10} %` }}
      series={series}
      limit={{ axis: "x", at: budgetBytes, name: "budget" }}
      numbers={{
        caption: "Memory and accuracy of each rung",
        columns: ["Rung", ...FIGURES],
        rows: rungs.map((rung, index) => ({ key: `${index}`, cells: [index, ...figuresOf(rung)] })),
      }}
    />
  );
}

/** What each reason means, in the order in which a search asks. */
const CUTS: readonly (readonly [code: string, words: string])[] = [
  ["policy", "not of the policy"],
  ["memory", "may need more memory than the budget"],
  ["window", "a step may take longer than the window"],
  ["dominated", "another is no worse in memory, time and accuracy"],
  ["exact-memory", "needed too much memory once it was planned exactly"],
];

/** What was cut by what. */
export function Cuts({ cuts, considered }: { readonly cuts: Tried["cuts"]; readonly considered: number }): VNode {
  const cut = cuts.reduce((sum, { configs }) => sum + configs, 0);
  const rows = CUTS.flatMap(([code, words]) => {
    const configs = cuts.find((one) => one.code === code)?.configs ?? 0;
    return configs === 0 ? [] : [{ key: code, cells: [words, configs.toLocaleString("en")] }];
  });
  return (
    <div class="card">
      <h3>What was cut by what</h3>
      <Table
        caption={`Of ${considered.toLocaleString("en")} configurations`}
        showsCaption
        columns={["Because", { title: "Cut", isNumber: true }]}
        rows={[
          ...rows,
          {
            key: "left",
            isMarked: true,
            cells: ["left to choose from", Math.max(0, considered - cut).toLocaleString("en")],
          },
        ]}
      />
    </div>
  );
}

/** Memory in use along a micro-batch: as chosen, and as it would be without any saving. */
export function MemoryAlong({ tried, budgetBytes }: { readonly tried: Tried; readonly budgetBytes: number }): VNode {
  const points = (moments: readonly StepMoment[]): readonly Point[] =>
    moments.map(({ bytes }, index) => [(100 * index) / Math.max(1, moments.length - 1), bytes]);
  const peak = (moments: readonly StepMoment[]): number => peakBytesOf(moments) ?? 0;
  const { chosenMemory, plainMemory } = tried;
  return (
    <Chart
      title="Memory along a step"
      caption={`The chosen plan peaks at ${formatBytes(peak(chosenMemory))} in its ${peakPhase(chosenMemory)} phase; the whole batch at once, with nothing frozen, at ${formatBytes(peak(plainMemory))}. Bounds add what measurements have shown on top.`}
      x={{ title: "instructions of a micro-batch that are done, %", format: (value) => String(value), fromZero: true }}
      y={{ title: "memory above idle", format: (value) => formatBytes(value), isBytes: true, fromZero: true }}
      series={[
        { name: "chosen", kind: "steps", points: points(chosenMemory), colour: 0 },
        { name: "nothing saved", kind: "steps", points: points(plainMemory), colour: 1 },
      ]}
      limit={{ axis: "y", at: budgetBytes, name: "budget" }}
      numbers={{
        caption: "Highest memory of each phase",
        columns: ["Phase", { title: "Chosen", isNumber: true }, { title: "Nothing saved", isNumber: true }],
        rows: STEP_PHASES.map((phase) => {
          const most = (moments: readonly StepMoment[]): string => {
            const bytes = peakBytesOf(moments, phase);
            return bytes === undefined ? "–" : formatBytes(bytes);
          };
          return { key: phase, cells: [phase, most(chosenMemory), most(plainMemory)] };
        }),
      }}
    />
  );
}

function peakPhase(moments: readonly StepMoment[]): string {
  return (
    moments.reduce<StepMoment | undefined>((high, one) => (one.bytes > (high?.bytes ?? -1) ? one : high), undefined)
      ?.phase ?? "step"
  );
}

/** What the device can change to at once, alone, when its free memory changes. */
export function Ladder({
  rungs,
  chosenRung,
}: {
  readonly rungs: readonly Prediction[];
  readonly chosenRung: number;
}): VNode {
  return (
    <div class="card">
      <h3>Ladder</h3>
      <p class="faint">The device takes the highest rung that fits its free memory at the moment.</p>
      <Table
        caption="Rungs, the cheapest first"
        columns={["Rung", "Configuration", ...FIGURES.slice(0, 2), { title: "Accuracy", isNumber: true }]}
        rows={rungs.map((rung, index) => ({
          key: `${index}`,
          isMarked: index === chosenRung,
          cells: [
            index === chosenRung ? `${index}, chosen` : `${index}`,
            describeRung(rung),
            formatBytes(rung.memoryBytes.upper, Math.ceil),
            formatMs(rung.stepMs.expected),
            rung.accuracy.isGuess ? "guess" : formatShare(rung.accuracy.expected),
          ],
        }))}
      />
    </div>
  );
}
