import { NOT_ON_A_LINE } from "../facts/index.ts";
import type { Fault } from "./filter-faults.ts";

export interface Token {
  /** Texts are in quotes. */
  readonly kind: "word" | "text" | "sign" | "end";
  readonly value: string;
  readonly at: number;
  readonly length: number;
}

const KEYWORDS: ReadonlySet<string> = new Set(["and", "or", "not", "in", "has", "matches"]);

/** What others write, and what it is here. */
const MEANT: Readonly<Record<string, string>> = {
  "==": "=",
  "=~": "matches",
  "!~": "not matches",
  "<>": "!=",
  "&&": "and",
  "||": "or",
  "&": "and",
  "|": "or",
  "!": "not",
};

const SPACE = /\s+/uy;
const WORD = /[\p{L}\p{N}\p{M}_.:@+*?%/~-]+/uy;
const FOREIGN = /==|=~|!~|<>|&&?|\|\|?|!(?!=)/uy;
const SIGN = /!=|<=|>=|[<>=(),]/uy;
const QUOTED = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/uy;

/** The parts of a filter's text; the last is its end, or where it cannot be read any more. A mistake that leaves no doubt of what was meant is reported, and mended. */
export function tokensOf(text: string, faults: Fault[]): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  while (at < text.length) {
    const space = take(SPACE);
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    const here = { at, length: 1 };
    const [quoted, word, foreign, sign] = [take(QUOTED), take(WORD), take(FOREIGN), take(SIGN)];
    const found = quoted ?? word ?? foreign ?? sign;
    if (found === undefined) {
      faults.push({ ...here, ...whyNone(text, at) });
      break;
    }
    here.length = found.length;
    at += found.length;
    if (quoted !== undefined) {
      const value = quoted.slice(1, -1).replace(/\\(.)/gu, "$1");
      if (NOT_ON_A_LINE.test(value)) faults.push({ ...here, words: "a text in quotes holds no control characters" });
      tokens.push({ kind: "text", value, ...here });
    } else if (word !== undefined) tokens.push({ kind: "word", value: word, ...here });
    else if (foreign !== undefined) {
      const meant = MEANT[foreign] as string;
      faults.push({ ...here, words: `${foreign} is not known here; write ${meant}` });
      for (const value of meant.split(" ")) tokens.push({ kind: /\w/u.test(value) ? "word" : "sign", value, ...here });
    } else tokens.push({ kind: "sign", value: found, ...here });
  }
  return [...tokens, { kind: "end", value: "", at, length: 1 }];
}

function whyNone(text: string, at: number): Pick<Fault, "words"> {
  const character = String.fromCodePoint(text.codePointAt(at) as number);
  if (character === '"' || character === "'") return { words: "this quote has no end" };
  const shown = NOT_ON_A_LINE.test(character) ? "a control character" : character;
  return { words: `${shown} has no meaning here; texts with it are written in quotes` };
}

/** Whether a token is this word of the language; `AND` is as good as `and`. */
export function isKeyword({ kind, value }: Token, ...words: readonly string[]): boolean {
  const lower = value.toLowerCase();
  return kind === "word" && KEYWORDS.has(lower) && (words.length === 0 || words.includes(lower));
}

/** A text as filters have it, whatever is in it. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/gu, "\\$&")}"`;
}
