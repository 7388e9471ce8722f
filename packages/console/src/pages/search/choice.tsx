import { describeRung, formatBytes, type Prediction } from "@mpo/core";
import type { RejectedRung } from "@mpo/protocol";
import type { ComponentChildren, VNode } from "preact";
import { Methods } from "./methods.tsx";
import { Compared, Cuts, Ladder, MemoryAlong, Trade, type Tried } from "./pieces.tsx";
import { Sizes } from "./sizes.tsx";

interface ChoiceProps {
  readonly rungs: readonly Prediction[];
  readonly chosenRung: number;
  readonly budgetBytes: number;
  readonly reasons: Tried["reasons"];
  /** What the list of reasons is read out as. */
  readonly reasonsOf: string;
  readonly rejected: readonly RejectedRung[];
  /** What each method alone would bring; absent: there was only one. */
  readonly methods: readonly Prediction[] | undefined;
  /** The search itself, for its pictures; absent: it is not known. */
  readonly tried: Tried | undefined;
  /** Between what was chosen and its reasons. */
  readonly children?: ComponentChildren;
}

/** What was chosen, why, what was not, and pictures of it: for a device as for a budget that is only tried. */
export function Choice(props: ChoiceProps): VNode | null {
  const { rungs, chosenRung, budgetBytes, reasons, reasonsOf, rejected, methods, tried, children } = props;
  const chosen = rungs[chosenRung];
  if (chosen === undefined) return null;
  return (
    <>
      <p class="chosen">
        {describeRung(chosen)}
        <small>
          {" "}
          needs up to {formatBytes(chosen.memoryBytes.upper, Math.ceil)} of {formatBytes(budgetBytes)}
        </small>
      </p>
      {children}
      <ol class="reasons" aria-label={reasonsOf}>
        {reasons.map(({ code, text }) => (
          <li key={text}>
            <strong>{code}</strong> {text}
          </li>
        ))}
      </ol>
      {rejected.length > 0 && <Compared chosen={chosen} rejected={rejected} />}
      <div class="pictures">
        {tried !== undefined && <Sizes sizes={tried.microBatches} chosen={chosen.config.microBatch} />}
        {tried !== undefined && <Cuts cuts={tried.cuts} considered={tried.explanation.considered} />}
        <Trade rungs={rungs} chosenRung={chosenRung} budgetBytes={budgetBytes} tried={tried?.tried} />
        {tried !== undefined && <MemoryAlong tried={tried} budgetBytes={budgetBytes} />}
        <Ladder rungs={rungs} chosenRung={chosenRung} />
        {methods !== undefined && <Methods methods={methods} />}
      </div>
    </>
  );
}
