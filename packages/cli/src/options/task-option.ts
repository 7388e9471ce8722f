import { CORRUPTION_NAMES, type CorruptionName } from "@mpo/datasets";
import { InvalidArgumentError } from "commander";
import { DATASET_NAMES, type DatasetName } from "./dataset-options.ts";
import type { OptionParser } from "./parsers.ts";

/** Images to learn from: a data set, damaged or `clean`. */
export interface Task {
  readonly dataset: DatasetName;
  readonly corruption: CorruptionName | "clean";
  readonly severity: number;
}

const WORST_SEVERITY = 5;

/** `DATASET[:CORRUPTION[:SEVERITY]]`, such as `fashion-mnist:fog:5`; `random` for none. */
export const taskOf: OptionParser<Task | "random"> = (text) => {
  if (text === "random") return text;
  const [set, damage = "clean", level = String(WORST_SEVERITY), ...rest] = text.split(":");
  const dataset = DATASET_NAMES.find((name) => name === set);
  const corruption = (["clean", ...CORRUPTION_NAMES] as const).find((name) => name === damage);
  const severity = /^[1-5]$/u.test(level) ? Number(level) : undefined;
  if (rest.length > 0 || dataset === undefined || corruption === undefined || severity === undefined) {
    throw new InvalidArgumentError(
      `Expected random, or DATASET[:CORRUPTION[:SEVERITY]] such as fashion-mnist:fog:5. Data sets are ` +
        `${DATASET_NAMES.join(", ")}; corruptions are clean, ${CORRUPTION_NAMES.join(", ")}; severities are 1 to 5.`,
    );
  }
  return { dataset, corruption, severity };
};
