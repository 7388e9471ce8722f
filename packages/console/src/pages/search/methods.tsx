import { Table } from "@mpo/charts";
import { describeConfig, formatBytes, formatMs, formatShare, type Prediction } from "@mpo/core";
import type { VNode } from "preact";

/** What each method alone would bring, the best first. */
export function Methods({ methods }: { readonly methods: readonly Prediction[] }): VNode {
  return (
    <div class="card">
      <h3>Methods</h3>
      <p class="faint">The best that each method alone would bring within the budget.</p>
      <Table
        caption="Methods, the best first"
        columns={[
          "Method",
          "Configuration",
          { title: "Memory up to", isNumber: true },
          { title: "Step", isNumber: true },
          { title: "Accuracy", isNumber: true },
        ]}
        rows={methods.map(({ method = "", config, memoryBytes, stepMs, accuracy }, index) => ({
          key: method,
          isMarked: index === 0,
          cells: [
            method,
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
