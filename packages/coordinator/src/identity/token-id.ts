/** Digits of a digest that name a token in lists. */
const ID_LENGTH = 12;

/** What a token is called: the first digits of the digest that is kept of it. */
export function idOf(digest: string): string {
  return digest.slice(0, ID_LENGTH);
}
