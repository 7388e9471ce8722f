import {
  type AccuracyJudge,
  describeRung,
  formatAge,
  formatBytes,
  formatMs,
  formatShare,
  formatVersion,
  given,
  median,
  type Prediction,
  typical,
} from "@mpo/core";
import {
  type DesiredDocument,
  type DocumentStatus,
  type Explanation,
  versionName,
  type WindowResult,
} from "@mpo/protocol";
import { accuracyIntervalOf, formatJudged } from "../output/format.ts";
import { createTable } from "../output/table.ts";
import type { Terminal } from "../output/terminal.ts";
import { accuracyCell } from "../planning/prediction-table.ts";

/** What a document is about, in a few lines. */
export function documentLines(document: DesiredDocument, status: DocumentStatus | undefined): readonly string[] {
  const { device, version, model, artifact, objective, budget, issuedAtMs, expiresAtMs } = document;
  const reported =
    status === undefined
      ? "the device has reported nothing about it yet"
      : `the device: ${status.state}${status.message === "" ? "" : ` (${status.message})`}`;
  const left = expiresAtMs - Date.now();
  return [
    `${formatVersion(version)} of ${device}, for ${artifact ? versionName({ name: model, version: artifact.version }) : model}, made ${formatAge(Date.now() - issuedAtMs)}` +
      `${left > 0 ? "" : "; too old to be applied for the first time"}`,
    `best ${objective} within ${formatBytes(budget.memoryBytes)} and ${formatMs(budget.windowMs)}`,
    ...termsOf(document),
    reported,
  ];
}

/** What a document asks of its device beyond its ladder. */
function termsOf({ reserveBytes, hours, method, check, isFixed }: DesiredDocument): readonly string[] {
  return [
    ...(isFixed === true ? ["its configuration was given: searches leave it as it is"] : []),
    ...(method === undefined ? [] : [`adapted by ${method}`]),
    ...(reserveBytes === undefined ? [] : [`${formatBytes(reserveBytes)} more than usual stay free`]),
    ...(hours === undefined ? [] : [`work begins at ${hours.join(", ")}, by the device's local time`]),
    ...(check === true ? ["the device runs a few steps of it before it trusts it"] : []),
  ];
}

/** What was seen where a config ran: medians over its windows. */
export interface Observed {
  readonly windows: number;
  readonly peakBytes?: number;
  readonly stepMs?: number;
  /** Of the newest window that has it. */
  readonly accuracyAfter?: number;
  readonly judgement?: AccuracyJudge;
  readonly accuracyInterval?: { readonly lower: number; readonly upper: number };
  /** The same in words, with its interval where it is an estimate. */
  readonly accuracy?: string;
}

/** What windows saw of a rung: those that ran the very same config by the same method on the same model. */
export function observedOf(rung: Prediction, model: string, windows: readonly WindowResult[]): Observed {
  const config = JSON.stringify(rung.config);
  const same = windows.filter(
    (one) => one.model === model && one.rung.method === rung.method && JSON.stringify(one.rung.config) === config,
  );
  const peaks = same.flatMap(({ peakBytes }) => peakBytes ?? []);
  const times = same.flatMap(({ stepMs }) => (stepMs.length === 0 ? [] : [typical(stepMs)]));
  const judged = same.find(({ accuracyAfter }) => accuracyAfter !== undefined);
  const { accuracyAfter } = judged ?? {};
  return {
    windows: same.length,
    ...(peaks.length === 0 ? {} : { peakBytes: median(peaks) }),
    ...(times.length === 0 ? {} : { stepMs: median(times) }),
    ...given({ accuracyAfter, judgement: judged?.judgement }),
    ...accuracyIntervalOf(judged ?? {}),
    ...(judged === undefined || accuracyAfter === undefined ? {} : { accuracy: formatJudged(accuracyAfter, judged) }),
  };
}

function lines(...texts: readonly string[]): string {
  return texts.filter((text) => text !== "").join("\n");
}

/** A document's ladder: what each rung was predicted to take and give, and what was seen where it ran. */
export function ladderTable(
  terminal: Terminal,
  { rungs, chosenRung, model, reasons }: DesiredDocument,
  { windows, inUse }: { readonly windows: readonly WindowResult[]; readonly inUse: number | undefined },
): string {
  if (rungs.length === 0) return `no ladder yet: ${reasons.find(({ code }) => code === "unmeasured")?.text ?? "none"}`;
  const table = createTable(terminal, ["rung", "configuration", "memory", "step", "accuracy"]);
  rungs.forEach((rung, index) => {
    const seen = observedOf(rung, model, windows);
    const marks = [index === chosenRung ? "chosen" : "", index === inUse ? "in use" : ""].filter((mark) => mark !== "");
    table.push([
      [String(index), ...marks].join("\n"),
      describeRung(rung),
      lines(
        formatBytes(rung.memoryBytes.expected),
        `up to ${formatBytes(rung.memoryBytes.upper)}`,
        seen.peakBytes === undefined ? "" : `seen ${formatBytes(seen.peakBytes)}`,
      ),
      lines(
        formatMs(rung.stepMs.expected),
        seen.stepMs === undefined ? "" : `seen ${formatMs(seen.stepMs)}`,
        `${rung.accuracy.steps} steps`,
      ),
      lines(
        accuracyCell(rung.accuracy),
        seen.accuracy === undefined ? "" : `seen ${seen.accuracy}`,
        seen.windows === 0 ? "" : `${seen.windows} ${seen.windows === 1 ? "window" : "windows"}`,
      ),
    ]);
  });
  return table.toString();
}

/** What was looked at and not chosen, the runner-up first. */
export function rejectedTable(terminal: Terminal, rejected: Explanation["rejected"]): string {
  const table = createTable(terminal, ["not chosen", "configuration", "predicted", "because"]);
  for (const { rung, reason } of rejected) {
    table.push([
      reason.code,
      describeRung(rung),
      lines(
        `up to ${formatBytes(rung.memoryBytes.upper)}`,
        `${formatMs(rung.stepMs.expected)} a step`,
        rung.accuracy.isGuess ? "" : formatShare(rung.accuracy.expected),
      ),
      reason.text,
    ]);
  }
  return table.toString();
}
