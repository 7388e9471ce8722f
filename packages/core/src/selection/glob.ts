/**
 * Whether a text is as a pattern says: `*` is any characters, `?` is one. Takes time by their lengths multiplied, at
 * worst: only the last `*` is ever tried again.
 */
export function matchesGlob(text: string, glob: string): boolean {
  let at = 0;
  let place = 0;
  let star = -1;
  let tried = 0;
  while (at < text.length) {
    if (glob[place] === "*") {
      star = place;
      tried = at;
      place += 1;
    } else if (glob[place] === "?" || glob[place] === text[at]) {
      at += 1;
      place += 1;
    } else if (star >= 0) {
      tried += 1;
      at = tried;
      place = star + 1;
    } else return false;
  }
  while (glob[place] === "*") place += 1;
  return place === glob.length;
}
