/** What the parameters of a model's normalisation layers may take on the wire: in half precision, DenseNet-121's fit. */
export const MAX_NORMALISATION_BYTES = 393_216;
