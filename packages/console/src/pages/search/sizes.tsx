import { Table } from "@mpo/charts";
import { counted, formatBytes, formatMs, formatShare } from "@mpo/core";
import type { VNode } from "preact";
import { Badge } from "../../ui/figures.tsx";
import type { Tried } from "./pieces.tsx";

/** Figures that are shown alike are alike. */
const SAME_ACCURACY = 0.0005;

/** In a sentence, what speaks for the size that was chosen. */
function sizeWords(sizes: Tried["microBatches"], chosen: number): string {
  const own = sizes.find(({ microBatch }) => microBatch === chosen);
  const fitting = sizes.filter(({ because }) => because === undefined);
  if (own === undefined || fitting.length === 0) return `Micro-batches of ${chosen} were chosen.`;
  const others = fitting.filter(({ microBatch }) => microBatch !== chosen);
  if (others.length === 0) return `Of these sizes, only micro-batches of ${chosen} fit.`;
  const asGood = others.filter(({ accuracy }) => accuracy >= own.accuracy - SAME_ACCURACY);
  const isFastest = asGood.every(({ stepMs }) => stepMs >= own.stepMs);
  const least = asGood.every(({ memoryBytes }) => memoryBytes >= own.memoryBytes);
  const so = `Micro-batches of ${chosen}: accuracy ${formatShare(own.accuracy)}`;
  if (asGood.length === 0) return `${so}, more than any other size that fits.`;
  const also = isFastest
    ? `it has the fastest step (${formatMs(own.stepMs)})`
    : least
      ? `it needs the least memory (${formatBytes(own.memoryBytes, Math.ceil)})`
      : "the objective of the search decides";
  return `${so}. Of the sizes that are at least as accurate, ${also}.`;
}

/** What each size of a micro-batch would give. */
export function Sizes({ sizes, chosen }: { readonly sizes: Tried["microBatches"]; readonly chosen: number }): VNode {
  return (
    <div class="card">
      <h3>Why this micro-batch</h3>
      <p>{sizeWords(sizes, chosen)}</p>
      <p class="faint">The best that was found with each size; where none fits, the one that needs least.</p>
      <Table
        caption="Sizes of a micro-batch"
        columns={[
          { title: "Micro-batch", isNumber: true },
          "Result",
          { title: "Memory up to", isNumber: true },
          { title: "Step", isNumber: true },
          { title: "Accuracy", isNumber: true },
        ]}
        rows={sizes.map(({ microBatch, fitting, memoryBytes, stepMs, accuracy, because }) => ({
          key: `${microBatch}`,
          isMarked: microBatch === chosen,
          cells: [
            microBatch,
            microBatch === chosen ? (
              <Badge key="chosen" tone="good">
                chosen
              </Badge>
            ) : (
              (because ?? `${counted(fitting, "configuration")} fit${fitting === 1 ? "s" : ""}`)
            ),
            formatBytes(memoryBytes, Math.ceil),
            formatMs(stepMs),
            formatShare(accuracy),
          ],
        }))}
      />
    </div>
  );
}
