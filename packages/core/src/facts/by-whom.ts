/** Who did something, as events name them, or words about it, without the name of the call. */
export function byWhom(words: string): string {
  return words.replaceAll(/, call [^\s:;,)]+/gu, "");
}
