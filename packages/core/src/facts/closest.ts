/**
 * The word that was meant, if one is within two slips (a letter too many, too few, or another), or begins as the other
 * does; undefined: none is.
 */
export function closestOf(written: string, words: readonly string[]): string | undefined {
  const meant = written.toLowerCase();
  const [best] = words
    .map((word) => ({ word, slips: slipsBetween(meant, word.toLowerCase()) }))
    .filter(({ slips, word }) => slips <= Math.min(2, meant.length - 1) || beginsAs(meant, word.toLowerCase()))
    .sort((left, right) => left.slips - right.slips);
  return best?.word;
}

const MIN_BEGINNING = 3;
function beginsAs(left: string, right: string): boolean {
  const [short, long] = left.length < right.length ? [left, right] : [right, left];
  return short.length >= MIN_BEGINNING && long.startsWith(short);
}

/** Levenshtein's distance. */
function slipsBetween(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [at, letter] of [...left].entries()) {
    const above = row;
    row = [at + 1];
    for (let to = 0; to < right.length; to++) {
      const change = above[to]! + (letter === right[to] ? 0 : 1);
      row.push(Math.min(change, above[to + 1]! + 1, row[to]! + 1));
    }
  }
  return row.at(-1)!;
}
