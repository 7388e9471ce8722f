/**
 * Inputs from a model's training beside the deployed model, with labels in `reference.labels.npy` where there are any: what
 * confidences are set against, and by which normalisations are put back that an ONNX exporter folded.
 */
export const REFERENCE_FILE = "reference.npy";

/** Normalisations that an ONNX model's exporter folded into convolutions, beside the model: as they were before. */
export const NORMS_FILE = "norms.safetensors";
