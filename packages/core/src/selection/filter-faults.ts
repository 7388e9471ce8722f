import { MpoError } from "../facts/index.ts";

/** Something in a filter's text that is not right. */
export interface Fault {
  readonly at: number;
  readonly length: number;
  readonly words: string;
  /** What would be right, where that is longer than a few words. */
  readonly hint?: string | undefined;
}

/** More of them help nobody. */
const MAX_SHOWN = 5;
/** Characters of the text on each side of a fault. */
const BESIDE = 40;

/**
 * All that is wrong with a filter, as an error whose message has the text, and marks below it:
 *
 *     memry is not an attribute; did you mean memory?
 *       memry > 1GiB
 *       ^^^^^
 */
export function filterError(text: string, faults: readonly Fault[]): MpoError {
  const sorted = [...faults].sort((left, right) => left.at - right.at).slice(0, MAX_SHOWN);
  const hint = sorted.find((fault) => fault.hint !== undefined)?.hint;
  const [first] = sorted;
  const lines =
    sorted.length === 1 && first !== undefined
      ? [first.words, ...pointing(text, first)]
      : [
          `${faults.length} mistakes in the filter`,
          ...sorted.flatMap((fault) => {
            const [line, marks] = pointing(text, fault);
            return [line, `${marks} ${fault.words}`];
          }),
        ];
  return new MpoError("invalid-argument", lines.join("\n"), { hint });
}

function pointing(text: string, { at, length }: Fault): readonly [string, string] {
  const from = at <= BESIDE ? 0 : at - BESIDE;
  const to = Math.min(text.length, at + BESIDE);
  const before = (from === 0 ? "" : "…") + onOneLine(text.slice(from, at));
  const rest = onOneLine(text.slice(at, to)) + (to === text.length ? "" : "…");
  // Columns are counted by characters, not by halves of them.
  const columns = Math.min([...text.slice(at, at + length)].length, [...rest].length);
  return [`  ${before}${rest}`, `  ${" ".repeat([...before].length)}${"^".repeat(Math.max(1, columns))}`];
}

function onOneLine(text: string): string {
  return text.replace(/\s/gu, " ");
}
