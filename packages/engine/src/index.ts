// For users: models, and a worker that trains and evaluates them.

// For planning: a model as a chain, and what a training adds to a step's memory.
export { chainOf } from "./compiler/chain-of.ts";
export { stepMemoryFacts } from "./compiler/memory-facts.ts";
export { LOSS_NAMES, type LossName } from "./losses/loss.ts";
export type { Optimizer } from "./losses/optimizer.ts";
export { sampleShapes } from "./model/graph-shapes.ts";
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
export type { MemoryReading } from "./session/memory-meter.ts";
export type { Samples } from "./training/batches.ts";
export {
  AUGMENTATIONS,
  type Augmentation,
  type LearningRateSchedule,
  type TrainingRun,
  type TrainingSetup,
} from "./training/task.ts";
export type { StepReport } from "./training/train-loop.ts";
export { type CallOptions, EngineWorker, type WorkerOptions } from "./worker/engine-worker.ts";
export type { LoadReport, TrainReport, WorkerCallKind, WorkerCalls } from "./worker/messages.ts";
