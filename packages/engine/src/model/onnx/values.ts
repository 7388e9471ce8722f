import type { EdgePadding } from "../model-graph.ts";
import type { Constant } from "./constants.ts";
import type { Variable } from "./layout.ts";

/** An image with pixels of one value around it, until it is known who reads it. */
export interface Padded {
  readonly kind: "padded";
  readonly base: Variable;
  readonly edges: EdgePadding;
  readonly value: number;
}

/** A tensor repeated along axes of 1, until it is joined with one that has them. */
export interface Expanded {
  readonly kind: "expanded";
  readonly base: Variable;
  readonly shape: readonly number[];
}

/** Products of queries and keys, `[..., tokens, tokens]`, on their way to an attention. */
export interface Scores {
  readonly kind: "scores";
  readonly queries: Variable;
  /** Its last two axes are the head's width and the tokens. */
  readonly keys: Variable;
  readonly scale: number;
  /** After the softmax. */
  readonly isWeights: boolean;
}

export type Value = Constant | Variable | Padded | Expanded | Scores;
