/** The classes of layers that are frozen separately (paper, section 3: parameter freezing). */
export const LAYER_CLASSES = ["featureExtraction", "normalisation", "linear"] as const;
export type LayerClass = (typeof LAYER_CLASSES)[number];
