export type { CommandContext } from "./command-context.ts";
export { damageOptions, type FrostOptions } from "./data/damage-options.ts";
export { driftedSamples, requireImages, samplesOf } from "./data/drifted-samples.ts";
export { fitClasses } from "./data/fit-classes.ts";
export { type DatasetOptions, loadTestImages } from "./data/load-dataset.ts";
export { loadModel, requireFitting } from "./data/load-model.ts";
export { withNormsOf } from "./data/norms-of.ts";
export { stateFolder } from "./fleet/state-folder.ts";
export { addBudgetOptions } from "./options/budget-options.ts";
export { choice } from "./options/choice.ts";
export { addDatasetOptions, dataOption, frostOption, SEVERITY, severityOption } from "./options/dataset-options.ts";
export { fleetName } from "./options/fleet-options.ts";
export type { InputOptions } from "./options/input-options.ts";
export {
  durationInMs,
  durationOption,
  listed,
  listOf,
  microBatchOption,
  numberBetween,
  type OptionParser,
  sizeInBytes,
  threadsOption,
  wholeNumber,
  wholeNumbers,
} from "./options/parsers.ts";
export { addSubjectOptions, weightsOption } from "./options/subject-options.ts";
export { type Progress, startProgress } from "./output/progress.ts";
export { createTable } from "./output/table.ts";
export type { Terminal } from "./output/terminal.ts";
export { type BudgetOptions, budgetFrom } from "./planning/budget.ts";
export { checkOutput, type ForceOption, forceOption } from "./planning/check-output.ts";
export { probeHere } from "./planning/probe-here.ts";
export { type ProfileDocument, readProfileDocument, writeProfileDocument } from "./planning/profile-document.ts";
export { loadSubject, type SubjectOptions } from "./planning/subject.ts";
export type { CommandEntry } from "./program.ts";
export { html, type Markup, trusted } from "./report/html.ts";
export { page, pictures, table, tableCard } from "./report/page.ts";
export { changesBetween } from "./rollout/rollout-changes.ts";
export { DEVICE_HEAD, deviceCells, statusLines } from "./rollout/status-tables.ts";
export { runCli } from "./run-cli.ts";
export { defaultPeakRate, pieceRun, TRAINING_OPTIMIZER, trainingPieces } from "./train/schedule.ts";
