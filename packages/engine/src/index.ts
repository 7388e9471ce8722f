// For users: models, and a worker that trains and evaluates them.

// For planning: a model as a chain, and what a training adds to a step's memory.
export { accuracyOf, evaluateAccuracy, evaluateLogits } from "./adaptation/evaluate.ts";
export { type Judgement, judge } from "./adaptation/judge.ts";
export { type Retraining, type RetrainOptions, type RetrainResult, retrain } from "./adaptation/retrain.ts";
export { STOP_REASONS, type StopReason } from "./adaptation/training-guard.ts";
export { chainOf } from "./compiler/chain-of.ts";
export { stepMemoryFacts } from "./compiler/memory-facts.ts";
export type { Optimizer } from "./losses/optimizer.ts";
export { sampleShapes } from "./model/graph-shapes.ts";
export { readLayersModel } from "./model/layers-format/read-layers-model.ts";
export { MODEL_FILE, writeLayersModel } from "./model/layers-format/write-layers-model.ts";
export {
  MODEL_CARD_FILE,
  type ModelCard,
  readModelCard,
  writeModelCard,
} from "./model/model-card.ts";
export {
  ACTIVATION_NAMES,
  type ActivationName,
  elementsOf,
  type Model,
  type ModelGraph,
  type ModelNode,
  type ModelWeights,
  type OpAttributes,
  type OpKind,
  type SampleShape,
} from "./model/model-graph.ts";
export { graphVariables, initialWeights, parameterCount } from "./model/variables.ts";
export { buildModel, isModelName, MODEL_NAMES, type ModelName, modelCatalogue } from "./model/zoo/build-model.ts";
export { FORM_NAMES, type FormName, NORM_NAMES, type NormName } from "./model/zoo/zoo-layers.ts";
export { AccuracyReader } from "./probe/accuracy-reader.ts";
export { ENGINE_VERSION } from "./probe/engine-version.ts";
export { graphDigest } from "./probe/graph-digest.ts";
export { type MeasuredStep, measureStep, PreparedStep, type StepTask } from "./probe/measure-step.ts";
export type { ProbeSamples } from "./probe/micro-windows.ts";
export { poolCapFor } from "./probe/pool-cap.ts";
export { type ProbeBudget, type ProbeOptions, type ProbeTask, probe } from "./probe/probe.ts";
export { type AvailableMemoryReader, readAvailableMemory } from "./probe/probe-guard.ts";
export type { MemoryReading } from "./session/memory-meter.ts";
export { firstSamples, type Samples } from "./training/batches.ts";
export {
  AUGMENTATIONS,
  type Augmentation,
  type LearningRateSchedule,
  learningRateAt,
  type TrainingRun,
  type TrainingSetup,
} from "./training/task.ts";
export { type StepReport, stepTimes } from "./training/train-loop.ts";
export { type AdaptationMethod, methodNamed } from "./window/method.ts";
export { type RungResult, type RungTraining, trainRung } from "./window/train-rung.ts";
export { trainingMs, type WindowLength, windowLength } from "./window/window-length.ts";
export { type CallOptions, EngineWorker, type WorkerOptions } from "./worker/engine-worker.ts";
export type { LoadReport, TrainReport, WorkerCallKind, WorkerCalls } from "./worker/messages.ts";
