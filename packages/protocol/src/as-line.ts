import { MESSAGE_LENGTH, NOT_ON_A_LINE } from "@mpo/core";

/**
 * A text as a schema `text(0, max)` takes it: on one line, without halves of characters, and cut where it is too long.
 * Words of errors may come from other programs, with line breaks and whatever else.
 */
export function asLine(words: string, max: number = MESSAGE_LENGTH): string {
  const line = words.split(NOT_ON_A_LINE).join(" ").trim();
  // A cut may leave the first half of a character.
  return line
    .slice(0, max)
    .replace(/\p{Cs}$/u, "")
    .trimEnd();
}
