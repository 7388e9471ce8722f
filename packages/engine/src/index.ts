export { anchorReferences } from "./adaptation/anchor.ts";
export { accuracyOf, evaluateAccuracy, evaluateLogits } from "./adaptation/evaluate.ts";
export { layerImportance } from "./adaptation/layer-importance.ts";
export { normalisationOf, withNormalisation } from "./adaptation/normalisation-block.ts";
export { withNeutralNorms, withNormsPutBack } from "./adaptation/norms-put-back.ts";
export { outputsOf, softmaxRows } from "./adaptation/probabilities.ts";
export { readTrainedModel } from "./adaptation/read-trained-model.ts";
export { type RetrainResult, retrain } from "./adaptation/retrain.ts";
export { STOP_WORDS } from "./adaptation/training-guard.ts";
export { chainOf } from "./compiler/chain-of.ts";
export { stepMemoryFacts } from "./compiler/memory-facts.ts";
export { checkInput } from "./model/check-input.ts";
export { sampleShapes } from "./model/graph-shapes.ts";
export { describeInputForm, rounded } from "./model/input-form.ts";
export { readLayersModel } from "./model/layers-format/read-layers-model.ts";
export { writeKerasFile } from "./model/layers-format/write-keras-file.ts";
export { writeLayersModel } from "./model/layers-format/write-layers-model.ts";
export {
  cardOf,
  copyCard,
  type ModelCard,
  readModelCard,
  retrainedCard,
  writeModelCard,
} from "./model/model-card.ts";
export type { Model, ModelGraph, ModelWeights } from "./model/model-graph.ts";
export { headOf } from "./model/model-head.ts";
export { exportOnnx } from "./model/onnx-export/export-onnx.ts";
export { readModel } from "./model/read-model.ts";
export { readSafetensors } from "./model/safetensors/read-safetensors.ts";
export { NAMINGS, type Naming, TORCH_MODELS } from "./model/safetensors/torch-names.ts";
export { writeSafetensors } from "./model/safetensors/write-safetensors.ts";
export { inputOf, pictureFormOf, withInputForm } from "./model/stated-input.ts";
export { LOGIT_SCALE, withTextClasses } from "./model/text-classes.ts";
export { initialWeights, parameterCount } from "./model/variables.ts";
export { writeModel } from "./model/write-model.ts";
export { buildModel, MODEL_NAMES, type ModelName, modelCatalogue } from "./model/zoo/build-model.ts";
export { FORM_NAMES, type FormName, NORM_NAMES, type NormName } from "./model/zoo/zoo-layers.ts";
export type { ProbeSamples } from "./probe/accuracy/micro-windows.ts";
export { checkSteps } from "./probe/check-steps.ts";
export { ENGINE_VERSION } from "./probe/engine-version.ts";
export { graphDigest } from "./probe/graph-digest.ts";
export { type MeasuredStep, measureStep, PreparedStep, type StepTask } from "./probe/measure-step.ts";
export { poolCapFor } from "./probe/pool-cap.ts";
export { probe } from "./probe/probe.ts";
export { type MethodsTask, probeMethods } from "./probe/probe-methods.ts";
export type { ProbeBudget, ProbeOptions, ProbeTask } from "./probe/probe-task.ts";
export { findEngine, type LibraryWheel } from "./session/engine-place.ts";
export { firstSamples, type Samples } from "./training/batches.ts";
export type { TrainingSetup } from "./training/task.ts";
export { type StepReport, stepTimes } from "./training/train-loop.ts";
export { type LabelFreeEstimate, labelFreeEstimate } from "./window/label-free-estimate.ts";
export { methodNamed } from "./window/method.ts";
export { type RungResult, type RungTraining, trainRung } from "./window/train-rung.ts";
export { type WindowLength, windowLength } from "./window/window-length.ts";
export { EngineWorker } from "./worker/engine-worker.ts";
