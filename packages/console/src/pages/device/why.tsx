import {
  describeConfig,
  formatAccuracy,
  formatBytes,
  formatMs,
  formatShare,
  formatVersion,
  type Prediction,
} from "@mpo/core";
import type { AdminServiceMethods, RejectedRung, ResponseOf } from "@mpo/protocol";
import type { VNode } from "preact";
import { Chart, type Series } from "../../charts/chart.tsx";
import { Badge, type Tone } from "../../ui/figures.tsx";
import { Section } from "../../ui/page.tsx";
import { Table } from "../../ui/table.tsx";

type Explained = ResponseOf<AdminServiceMethods["explainConfig"]>;

/** What is against a configuration, in a word, by the code of its reason. */
const AGAINST: Readonly<Record<string, readonly [string, Tone]>> = {
  "runner-up": ["runner-up", "busy"],
  memory: ["needs more memory", "warn"],
  "exact-memory": ["needs more memory", "warn"],
  window: ["takes too long", "warn"],
  dominated: ["beaten", "plain"],
};

/** Why a device trains as it does: what was chosen, what was not, and what was against that. */
export function Why({ explained }: { readonly explained: Explained }): VNode {
  const { document, explanation } = explained;
  const { rungs, chosenRung, reasons, budget, version } = document;
  const chosen = rungs[chosenRung];
  return (
    <Section id="why" title="Why it trains like this">
      {chosen === undefined ? (
        <p>It has no configuration yet: its model is to be measured first.</p>
      ) : (
        <p class="chosen">
          {describeConfig(chosen.config)}
          <small>
            {" "}
            needs up to {formatBytes(chosen.memoryBytes.upper, Math.ceil)} of {formatBytes(budget.memoryBytes)}
          </small>
        </p>
      )}
      <p>{summaryOf(explained)}</p>
      <ol class="reasons" aria-label={`Reasons of configuration ${formatVersion(version)}`}>
        {reasons.map(({ code, text }) => (
          <li key={text}>
            <strong>{code}</strong> {text}
          </li>
        ))}
      </ol>
      {chosen !== undefined && explanation.rejected.length > 0 && (
        <Compared chosen={chosen} rejected={explanation.rejected} />
      )}
      <div class="pictures">
        <Trade explained={explained} />
        <Ladder rungs={rungs} chosenRung={chosenRung} />
      </div>
    </Section>
  );
}

/** In a sentence, what the choice was made from. */
function summaryOf({ document, explanation }: Explained): string {
  const { budget, objective, isFixed, request } = document;
  const within = `${formatBytes(budget.memoryBytes)} and ${formatMs(budget.windowMs)}`;
  if (isFixed === true) return "It was given this configuration by name: nothing was searched for.";
  const { considered, overBudget } = explanation;
  if (considered === 0) return `It was searched for within ${within}, for ${request}.`;
  const [all, over] = [considered, overBudget].map((count) => count.toLocaleString("en"));
  const best = objective === "accuracy" ? "accuracy" : `${objective} at nearly the best accuracy`;
  return `Of ${all} configurations, ${over} broke the budget of ${within}. Of the rest this one has the best ${best}.`;
}

const FIGURES = [
  { title: "Memory up to", isNumber: true },
  { title: "Step", isNumber: true },
  { title: "Accuracy", isNumber: true },
] as const;

function figuresOf({ memoryBytes, stepMs, accuracy }: Prediction): readonly string[] {
  return [formatBytes(memoryBytes.upper, Math.ceil), formatMs(stepMs.expected), formatAccuracy(accuracy)];
}

function Compared({ chosen, rejected }: { readonly chosen: Prediction; readonly rejected: readonly RejectedRung[] }): VNode {
  return (
    <Table
      caption="What was chosen, and what came next"
      showsCaption
      columns={["Configuration", "Against it", ...FIGURES, "Because"]}
      rows={[
        {
          key: "chosen",
          isMarked: true,
          cells: [
            describeConfig(chosen.config),
            <Badge key="badge" tone="good">
              chosen
            </Badge>,
            ...figuresOf(chosen),
            "the best of those that fit",
          ],
        },
        ...rejected.map(({ rung, reason }, index) => {
          const [words, tone] = AGAINST[reason.code] ?? [reason.code, "plain"];
          return {
            key: `${index}`,
            cells: [
              describeConfig(rung.config),
              <Badge key="badge" tone={tone}>
                {words}
              </Badge>,
              ...figuresOf(rung),
              <span key="because" class="words">
                {reason.text}
              </span>,
            ],
          };
        }),
      ]}
    />
  );
}

/** Memory against accuracy: the ladder, and what lies beyond the budget. */
function Trade({ explained: { document, explanation } }: { readonly explained: Explained }): VNode {
  const { rungs, chosenRung, budget } = document;
  const at = ({ memoryBytes, accuracy }: Prediction): readonly [number, number] => [memoryBytes.upper, accuracy.expected];
  const chosen = rungs[chosenRung];
  const over = explanation.rejected.filter(({ reason }) => reason.code !== "runner-up").map(({ rung }) => at(rung));
  const next = explanation.rejected.filter(({ reason }) => reason.code === "runner-up").map(({ rung }) => at(rung));
  const series: readonly Series[] = [
    { name: "ladder", kind: "line", points: rungs.map(at), colour: 0 },
    ...(chosen === undefined
      ? []
      : [{ name: "chosen", kind: "dots", points: [at(chosen)], colour: 2, isStrong: true } as const]),
    ...(next.length === 0 ? [] : [{ name: "runner-up", kind: "dots", points: next, colour: 3 } as const]),
    ...(over.length === 0 ? [] : [{ name: "does not fit", kind: "dots", points: over, colour: 1 } as const]),
  ];
  return (
    <Chart
      title="Memory against accuracy"
      caption="Each rung is the best for its memory. What does not fit lies beyond the budget, in memory or in time."
      x={{ title: "memory, up to", format: (value) => formatBytes(value), isBytes: true }}
      y={{ title: "accuracy after the window", format: (value) => `${Math.round(1000 * value) / 10} %` }}
      series={series}
      limit={{ axis: "x", at: budget.memoryBytes, name: "budget" }}
      table={
        <Table
          caption="Memory and accuracy of each rung"
          columns={["Rung", ...FIGURES]}
          rows={rungs.map((rung, index) => ({ key: `${index}`, cells: [index, ...figuresOf(rung)] }))}
        />
      }
    />
  );
}

/** What the device can change to at once, alone, when its free memory changes. */
function Ladder({ rungs, chosenRung }: { readonly rungs: readonly Prediction[]; readonly chosenRung: number }): VNode {
  return (
    <div class="card">
      <h3>Ladder</h3>
      <p class="faint">The device takes the highest rung that fits its free memory at the moment.</p>
      <Table
        caption="Rungs, the cheapest first"
        columns={["Rung", "Configuration", ...FIGURES.slice(0, 2), { title: "Accuracy", isNumber: true }]}
        rows={rungs.map(({ config, memoryBytes, stepMs, accuracy }, index) => ({
          key: `${index}`,
          isMarked: index === chosenRung,
          cells: [
            index === chosenRung ? `${index}, chosen` : `${index}`,
            describeConfig(config),
            formatBytes(memoryBytes.upper, Math.ceil),
            formatMs(stepMs.expected),
            accuracy.isGuess ? "guess" : formatShare(accuracy.expected),
          ],
        }))}
      />
    </div>
  );
}
