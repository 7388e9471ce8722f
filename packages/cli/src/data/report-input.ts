import type { Model, Samples } from "@mpo/engine";
import { checkInput, describeInputForm, inputOf } from "@mpo/engine";
import type { Output } from "../command-context.ts";
import { inputOptionsFor } from "../options/input-options.ts";

/** Says what a model is assumed to take, and that images in this form are likely not what it was trained on. */
export function reportInput(model: Model, images: Samples, name: string, { terminal }: Output): void {
  const { form } = inputOf(model.graph);
  const { isKnown, likely } = checkInput(model, images);
  const taken = form === undefined ? "0..1, as nothing is stated" : describeInputForm(form);
  if (likely !== undefined) {
    terminal.complain(
      `warning: ${name} was likely trained on images of ${describeInputForm(likely)}; it is given ${taken}`,
    );
    terminal.complain(`hint: Add ${inputOptionsFor(likely)}, or state it as \`input\` in the model's card.`);
  } else if (form === undefined && !isKnown) {
    terminal.note(`${name} does not state what it takes: it is given images of 0..1 (--input-range)`);
  }
}
