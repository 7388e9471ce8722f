import { Chart, Table } from "@mpo/charts";
import { describeRung, formatBytes, formatMs, formatPoints, formatShare, median } from "@mpo/core";
import type { WindowResult } from "@mpo/protocol";
import type { VNode } from "preact";
import { Ago, Badge } from "../../ui/figures.tsx";
import { Section } from "../../ui/page.tsx";
import { OUTCOME_TONES, OUTCOMES } from "../words.ts";

/** What its retrainings took and gained, predicted and seen; newest first. */
export function WindowsSection({ windows }: { readonly windows: readonly WindowResult[] }): VNode {
  const share = (value: number | undefined): string => (value === undefined ? "–" : formatShare(value));
  const judged = windows
    .filter(({ accuracyAfter }) => accuracyAfter !== undefined)
    .map((window) => ({ ...window, at: window.receivedAtMs ?? window.openedAtMs }))
    .reverse();
  const table = (
    <Table
      caption="Retrainings, newest first"
      columns={[
        "Ended",
        "Outcome",
        { title: "Accuracy before", isNumber: true },
        { title: "after", isNumber: true },
        { title: "points", isNumber: true },
        { title: "Memory up to", isNumber: true },
        { title: "seen", isNumber: true },
        { title: "Step", isNumber: true },
        { title: "seen", isNumber: true },
        "Configuration",
        "Says",
      ]}
      rows={windows.map((window) => {
        const { accuracyBefore: before, accuracyAfter: after, rung, peakBytes, stepMs, outcome, message } = window;
        return {
          key: window.window,
          cells: [
            <Ago key="at" at={window.receivedAtMs ?? window.openedAtMs} />,
            <Badge key="outcome" tone={OUTCOME_TONES[outcome]}>
              {OUTCOMES[outcome]}
            </Badge>,
            share(before),
            share(after),
            before === undefined || after === undefined ? "–" : formatPoints(after - before),
            formatBytes(rung.memoryBytes.upper, Math.ceil),
            peakBytes === undefined ? "–" : formatBytes(peakBytes),
            formatMs(rung.stepMs.expected),
            stepMs.length === 0 ? "–" : formatMs(median(stepMs)),
            describeRung(rung),
            <span key="says" class="words">
              {message}
            </span>,
          ],
        };
      })}
    />
  );
  return (
    <Section id="windows" title="Retrainings">
      {windows.length === 0 ? (
        <p class="faint">It has not retrained yet: it does when its inputs drift, and it has a configuration.</p>
      ) : (
        <>
          {table}
          {judged.length > 1 && (
            <div class="pictures">
              <Chart
                title="Accuracy before and after"
                caption="As judged at the end of each retraining."
                x={{ title: "retraining", format: String, isWhole: true }}
                y={{ title: "accuracy", format: (value) => `${Math.round(1000 * value) / 10} %` }}
                series={[
                  {
                    name: "after",
                    kind: "line",
                    points: judged.map(({ accuracyAfter = 0 }, index) => [index + 1, accuracyAfter]),
                  },
                  {
                    name: "before",
                    kind: "line",
                    points: judged.flatMap(({ accuracyBefore }, index) =>
                      accuracyBefore === undefined ? [] : [[index + 1, accuracyBefore] as const],
                    ),
                  },
                ]}
                numbers={{
                  caption: "Accuracy before and after",
                  columns: [
                    { title: "Retraining", isNumber: true },
                    { title: "Before", isNumber: true },
                    { title: "After", isNumber: true },
                  ],
                  rows: judged.map(({ window, accuracyBefore, accuracyAfter }, index) => ({
                    key: window,
                    cells: [index + 1, share(accuracyBefore), share(accuracyAfter)],
                  })),
                }}
              />
            </div>
          )}
        </>
      )}
    </Section>
  );
}
