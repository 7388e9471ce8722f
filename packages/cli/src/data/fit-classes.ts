import { MpoError } from "@mpo/core";
import type { ImageSet } from "@mpo/datasets";

export interface ModelClasses {
  /** Of the model, for messages. */
  readonly name: string;
  readonly count: number;
  /** By output, where the model names them. */
  readonly names?: readonly string[] | undefined;
}

/**
 * The set with its labels as the model counts its classes: by name, whatever their case and signs between words, or by
 * number where the set's names are `0`, `1` and so on. A model without names takes as many classes as it has outputs, in
 * the order of the set. Sets without names stay as they are. Throws `invalid-argument` with both lists where they do not
 * fit, and `invalid-data` where the model's names are not as many as its outputs.
 */
export function fitClasses(set: ImageSet, { name: model, count, names }: ModelClasses): ImageSet {
  if (names !== undefined && names.length !== count) {
    const list = names.join(", ");
    throw new MpoError(
      "invalid-data",
      `${model}: the model has ${count} outputs, and names for ${names.length}: ${list}`,
    );
  }
  const { classNames, labels } = set;
  if (classNames === undefined || labels === undefined) return set;
  const found = classNames.join(", ");
  if (names === undefined) {
    if (classNames.length === count) return set;
    const outputs = `the model has ${count} outputs and no names for them`;
    throw new MpoError(
      "invalid-argument",
      `${model}: ${outputs}; the data set has ${classNames.length} classes: ${found}`,
      {
        hint: "Choose the data set that the model was trained on, or name its classes, one a line, in labels.txt beside it.",
      },
    );
  }
  const toOutput = outputsOf(classNames, names);
  if (toOutput === undefined) {
    throw new MpoError(
      "invalid-argument",
      `${model}: the model's classes are ${names.join(", ")}; the data set's are ${found}`,
      { hint: "Name the data set's classes, which are a folder's sub-folders, as the model does." },
    );
  }
  return { ...set, labels: labels.map((label) => toOutput[label]!), classNames: names };
}

/** The output of each of the set's classes; undefined where one has none, or none has one. */
function outputsOf(found: readonly string[], names: readonly string[]): readonly number[] | undefined {
  if (found.length !== names.length) return undefined;
  const numbers = names.map((_, output) => String(output));
  for (const spelling of [(name: string) => name.normalize(), plain]) {
    for (const wanted of [names.map(spelling), numbers]) {
      const outputs = found.map((name) => wanted.indexOf(spelling(name)));
      if (new Set(outputs).size === found.length && !outputs.includes(-1)) return outputs;
    }
  }
  return undefined;
}

/** Names that people take for the same: `T-shirt/top` and `t_shirt top`. */
function plain(name: string): string {
  return name
    .normalize()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
