/** Labelled inputs beside a deployed model (with `reference.labels.npy`): what confidences are set against. */
export const REFERENCE_FILE = "reference.npy";
