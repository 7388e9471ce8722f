import { describeConfig, formatBytes, given, median, type Prediction, typical } from "@mpo/core";
import type { DesiredDocument, DocumentStatus, Explanation, WindowResult } from "@mpo/protocol";
import { formatVersion } from "../options/fleet-options.ts";
import { formatAge, formatMs, formatShare } from "../output/format.ts";
import { createTable } from "../output/table.ts";
import type { Terminal } from "../output/terminal.ts";

/** What a document is about, in a few lines. */
export function documentLines(document: DesiredDocument, status: DocumentStatus | undefined): readonly string[] {
  const { device, version, model, objective, budget, issuedAtMs, expiresAtMs } = document;
  const told =
    status === undefined
      ? "the device has told nothing of it yet"
      : `the device: ${status.state}${status.message === "" ? "" : ` (${status.message})`}`;
  const left = expiresAtMs - Date.now();
  return [
    `${formatVersion(version)} of ${device}, for ${model}, made ${formatAge(Date.now() - issuedAtMs)}` +
      `${left > 0 ? "" : "; too old to be applied for the first time"}`,
    `best ${objective} within ${formatBytes(budget.memoryBytes)} and ${formatMs(budget.windowMs)}`,
    told,
  ];
}

/** What was seen where a config ran: medians over its windows. */
export interface Observed {
  readonly windows: number;
  readonly peakBytes?: number;
  readonly stepMs?: number;
  /** Of the newest window that tells. */
  readonly accuracyAfter?: number;
}

/** What windows saw of a rung: those that ran the very same config on the same model. */
export function observedOf(rung: Prediction, model: string, windows: readonly WindowResult[]): Observed {
  const config = JSON.stringify(rung.config);
  const same = windows.filter((one) => one.model === model && JSON.stringify(one.rung.config) === config);
  const peaks = same.flatMap(({ peakBytes }) => peakBytes ?? []);
  const times = same.flatMap(({ stepMs }) => (stepMs.length === 0 ? [] : [typical(stepMs)]));
  const accuracy = same.find(({ accuracyAfter }) => accuracyAfter !== undefined)?.accuracyAfter;
  return {
    windows: same.length,
    ...(peaks.length === 0 ? {} : { peakBytes: median(peaks) }),
    ...(times.length === 0 ? {} : { stepMs: median(times) }),
    ...given({ accuracyAfter: accuracy }),
  };
}

/** A document's ladder: what each rung was predicted to take and give, and what was seen where it ran. */
export function ladderTable(
  terminal: Terminal,
  { rungs, chosenRung, model }: DesiredDocument,
  { windows, inUse }: { readonly windows: readonly WindowResult[]; readonly inUse: number | undefined },
): string {
  const head = ["rung", "config", "memory: predicted", "at most", "seen", "step: predicted", "seen", "steps"];
  const table = createTable(terminal, [...head, "accuracy: predicted", "seen", "windows"]);
  rungs.forEach((rung, index) => {
    const seen = observedOf(rung, model, windows);
    const marks = [index === chosenRung ? "chosen" : "", index === inUse ? "in use" : ""].filter((mark) => mark !== "");
    table.push([
      [String(index + 1), ...marks].join(" "),
      describeConfig(rung.config),
      formatBytes(rung.memoryBytes.expected),
      formatBytes(rung.memoryBytes.upper),
      seen.peakBytes === undefined ? "-" : formatBytes(seen.peakBytes),
      formatMs(rung.stepMs.expected),
      seen.stepMs === undefined ? "-" : formatMs(seen.stepMs),
      rung.accuracy.steps,
      formatShare(rung.accuracy.expected),
      seen.accuracyAfter === undefined ? "-" : formatShare(seen.accuracyAfter),
      seen.windows,
    ]);
  });
  return table.toString();
}

/** What was looked at and not chosen, the runner-up first. */
export function rejectedTable(terminal: Terminal, rejected: Explanation["rejected"]): string {
  const table = createTable(terminal, ["not chosen", "config", "memory at most", "step", "accuracy", "because"]);
  for (const { rung, reason } of rejected) {
    table.push([
      reason.code,
      describeConfig(rung.config),
      formatBytes(rung.memoryBytes.upper),
      formatMs(rung.stepMs.expected),
      formatShare(rung.accuracy.expected),
      reason.text,
    ]);
  }
  return table.toString();
}
