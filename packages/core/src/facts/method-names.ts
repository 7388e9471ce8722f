/**
 * Methods of adaptation, by the names of their losses.
 * - `norm`: nothing is trained; statistics of batch normalisation become those of the samples (Schneider et al. 2020).
 * - `tent`: mean entropy of the predictions (Wang et al. 2021).
 * - `eta`: the same of reliable samples that are not like the others, the surer the more (Niu et al. 2022, section 3.1).
 * - `eata`: the same, with an anchor: parameters that matter for what is usual move little (section 3.2). It needs reference
 *   inputs, from before any drift.
 * - `roid`: likelihood ratio of predictions, weighted by how sure and how unlike the latest they are; weights are drawn back
 *   to the source model's (Marsden et al. 2024, without its consistency loss).
 * - `shot`: information maximisation, entropy minus diversity, plus cross-entropy on pseudo-labels where labels are
 *   given (Liang et al. 2020). A label of -1 counts for nothing.
 * - `crossEntropy`: needs labels.
 */
export const METHOD_NAMES = ["norm", "tent", "eta", "eata", "roid", "shot", "crossEntropy"] as const;
export type MethodName = (typeof METHOD_NAMES)[number];

/** Methods that adapt to inputs of which nobody has said what they are. */
export const METHODS_WITHOUT_LABELS: readonly MethodName[] = METHOD_NAMES.filter((name) => name !== "crossEntropy");

/** Those of them that need nothing else either: a search chooses among them. */
export const SEARCHED_METHODS: readonly MethodName[] = METHODS_WITHOUT_LABELS.filter((name) => name !== "eata");

/** Instead of a name: any of `SEARCHED_METHODS`, whichever a search chooses. */
export const ANY_METHOD = "auto";
/** What a person may ask for. */
export const METHOD_WISHES = [...METHOD_NAMES, ANY_METHOD] as const;
export type MethodWish = (typeof METHOD_WISHES)[number];

/** The method of a name; undefined: none of this release. */
export function methodOf(loss: string): MethodName | undefined {
  return METHOD_NAMES.find((known) => known === loss);
}
