import { closestOf, isName } from "../facts/index.ts";
import { ATTRIBUTES, type Attribute, attributeOf } from "./attributes.ts";
import type { Filter, Order } from "./filter.ts";
import { type Fault, filterError } from "./filter-faults.ts";
import { isKeyword, type Token, tokensOf } from "./tokens.ts";
import { shown, VALUE_KINDS, type Value, valueIn } from "./values.ts";

/** Characters. */
export const MAX_FILTER_LENGTH = 2_048;
/** Of parentheses and `not`, and of groups. */
const MAX_DEPTH = 16;
/** Those of its groups count too. */
const MAX_TERMS = 256;

export interface FilterOptions {
  /** The texts of saved filters, by their names. Absent: groups are not looked up, and choose no device. */
  readonly groups?: ReadonlyMap<string, string>;
  /** The name under which the filter is saved: it may not be part of itself. */
  readonly savedAs?: string;
}

/**
 * Reads a filter. Throws `invalid-argument` with all that is wrong with it, up to where it is not understood any more,
 * and the places.
 */
export function parseFilter(text: string, { groups, savedAs }: FilterOptions = {}): Filter {
  const path = savedAs === undefined ? [] : [savedAs];
  const { filter, faults } = new FilterParser(text, { groups, path, count: { terms: 0 } }).read();
  if (faults.length > 0) throw filterError(text, faults);
  return filter;
}

interface Whole {
  readonly groups: ReadonlyMap<string, string> | undefined;
  /** The groups that this text is part of. */
  readonly path: readonly string[];
  readonly count: { terms: number };
}

const NOTHING: Filter = { kind: "or", parts: [] };
const ORDERS: readonly string[] = ["=", "<", "<=", ">", ">="];
const OPERATORS = "=, !=, <, <=, >, >=, in, has or matches";

class FilterParser {
  readonly #whole: Whole;
  readonly #faults: Fault[] = [];
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  /** What follows is not understood. */
  #isLost = false;

  constructor(text: string, whole: Whole) {
    this.#whole = whole;
    this.#tokens = tokensOf(text.slice(0, MAX_FILTER_LENGTH), this.#faults);
    if (text.length > MAX_FILTER_LENGTH) {
      this.#lose(
        this.#here,
        `${text.length} characters; expected up to ${MAX_FILTER_LENGTH}: save parts of it as groups`,
      );
    } else if (this.#tokens.length === 1) this.#lose(this.#here, "the filter is empty");
  }

  read(): { readonly filter: Filter; readonly faults: readonly Fault[] } {
    const filter = this.#or();
    if (this.#here.kind !== "end") this.#lose(this.#here, `expected and, or, or the end, not ${wordsOf(this.#here)}`);
    return { filter, faults: this.#faults };
  }

  get #here(): Token {
    return this.#tokens[this.#at] as Token;
  }

  #next(): Token {
    const token = this.#here;
    if (token.kind !== "end") this.#at += 1;
    return token;
  }

  #takes(...words: readonly string[]): boolean {
    const isIt = isKeyword(this.#here, ...words) || (this.#here.kind === "sign" && words.includes(this.#here.value));
    if (isIt) this.#at += 1;
    return isIt;
  }

  #blame({ at, length }: Pick<Token, "at" | "length">, words: string, hint?: string): void {
    if (!this.#isLost) this.#faults.push({ at, length, words, hint });
  }

  #lose(token: Token, words: string): Filter {
    // Where the text cannot be read, that is said already.
    if (token.kind !== "end" || this.#faults.every(({ at }) => at !== token.at)) this.#blame(token, words);
    this.#isLost = true;
    this.#at = this.#tokens.length - 1;
    return NOTHING;
  }

  #or(): Filter {
    return this.#joined("or", () => this.#joined("and", () => this.#not()));
  }

  #joined(kind: "and" | "or", part: () => Filter): Filter {
    const first = part();
    const parts = [first];
    while (this.#takes(kind)) parts.push(part());
    return parts.length === 1 ? first : { kind, parts };
  }

  #not(): Filter {
    const token = this.#here;
    const isNot = this.#takes("not");
    if (!isNot && !this.#takes("(")) return this.#term();
    if (this.#depth >= MAX_DEPTH) return this.#lose(token, `nested deeper than ${MAX_DEPTH}`);
    this.#depth += 1;
    const inner = isNot ? this.#not() : this.#or();
    this.#depth -= 1;
    if (isNot) return { kind: "not", part: inner };
    if (!this.#takes(")")) this.#lose(this.#here, `expected ) for the ( at character ${token.at + 1}`);
    return inner;
  }

  #term(): Filter {
    const token = this.#next();
    if (token.kind !== "word" || isKeyword(token)) {
      return this.#lose(token, `expected an attribute, such as memory, not ${wordsOf(token)}`);
    }
    this.#whole.count.terms += 1;
    if (this.#whole.count.terms > MAX_TERMS) return this.#lose(token, `more than ${MAX_TERMS} conditions`);
    if (token.value === "group") return this.#compared(token, undefined);
    const attribute = attributeOf(token.value);
    if (attribute === undefined) this.#blame(token, ...unknown(token.value));
    const { kind, value } = this.#here;
    const isAlone = kind === "end" || value === ")" || isKeyword(this.#here, "and", "or");
    return isAlone ? { kind: "known", attribute: token.value } : this.#compared(token, attribute);
  }

  /** What follows the name of an attribute. */
  #compared(name: Token, attribute: Attribute | undefined): Filter {
    const isNot = this.#takes("not");
    const sign = this.#next();
    const operator = sign.value.toLowerCase();
    const isWord = isKeyword(sign, "in", "has", "matches");
    const isSign = sign.kind === "sign" && (ORDERS.includes(operator) || operator === "!=");
    if (!(isWord || (isSign && !isNot))) {
      return this.#lose(sign, `expected ${isNot ? "in, has or matches" : OPERATORS}, not ${wordsOf(sign)}`);
    }
    const wrong = attribute === undefined ? undefined : misfit(name.value, operator, attribute);
    if (wrong !== undefined) this.#blame(sign, wrong);
    const known: Comparison = { name, attribute: wrong === undefined ? attribute : undefined, sign, operator };
    const found = operator === "in" ? this.#list(known) : this.#valued(known);
    return isNot || operator === "!=" ? { kind: "not", part: found } : found;
  }

  #list(known: Comparison): Filter {
    if (!this.#takes("(")) return this.#lose(this.#here, `expected ( after in, not ${wordsOf(this.#here)}`);
    const parts = [this.#valued(known)];
    while (this.#takes(",")) {
      this.#whole.count.terms += 1;
      parts.push(this.#valued(known));
    }
    if (this.#whole.count.terms > MAX_TERMS) return this.#lose(known.sign, `more than ${MAX_TERMS} conditions`);
    if (!this.#takes(")")) return this.#lose(this.#here, `expected , or ) in the list, not ${wordsOf(this.#here)}`);
    return parts.length === 1 ? (parts[0] as Filter) : { kind: "or", parts };
  }

  #valued(comparison: Comparison): Filter {
    const { operator, attribute: known } = comparison;
    const attribute = comparison.name.value;
    const token = this.#value(comparison);
    if (token === undefined) return NOTHING;
    const text = token.value;
    if (attribute === "group") return this.#group(token, operator);
    if (operator === "matches") return { kind: "matches", attribute, glob: text };
    const value: Value | { readonly wrong: string } =
      known === undefined ? { value: text } : valueIn(text, attribute, known);
    if ("wrong" in value) {
      this.#blame(token, value.wrong);
      return NOTHING;
    }
    if (operator === "has") return { kind: "has", attribute, value: text };
    return { kind: "compare", attribute, order: isOrder(operator) ? operator : "=", ...value };
  }

  /** A value, with its unit where a space is between. */
  #value({ name, attribute }: Comparison): Token | undefined {
    const token = this.#next();
    if (token.kind === "sign" || token.kind === "end" || isKeyword(token)) {
      const says = isKeyword(token) ? ": in quotes, if that is the text" : "";
      this.#lose(token, `expected a value, not ${wordsOf(token)}${says}`);
      return undefined;
    }
    const unit = this.#here;
    // What is not known may have a unit too: it is blamed already.
    const hasUnits = attribute === undefined ? name.value !== "group" : ["size", "duration"].includes(attribute.kind);
    if (!hasUnits || !/^[\d.]+$/u.test(token.value) || unit.kind !== "word" || isKeyword(unit)) return token;
    this.#at += 1;
    return { ...token, value: `${token.value} ${unit.value}`, length: unit.at + unit.length - token.at };
  }

  #group(token: Token, operator: string): Filter {
    const { value: name } = token;
    const { groups, path, count } = this.#whole;
    if (operator !== "=" && operator !== "!=" && operator !== "in") this.#blame(token, "write group = NAME, != or in");
    else if (!isName(name)) this.#blame(token, `${shown(name)} is not a name: A-Z a-z 0-9 _ -, up to 64`);
    else if (path.includes(name)) this.#blame(token, `a group cannot be part of itself: ${[...path, name].join(", ")}`);
    else if (groups !== undefined) {
      const text = groups.get(name);
      if (text === undefined) {
        const meant = closestOf(name, [...groups.keys()]);
        const words = `there is no group ${name}`;
        this.#blame(token, meant === undefined ? words : `${words}; did you mean ${meant}?`, GROUPS_HINT);
      } else return { kind: "group", name, filter: this.#saved(token, text, { groups, path: [...path, name], count }) };
    }
    return { kind: "group", name };
  }

  #saved(token: Token, text: string, whole: Whole): Filter {
    if (whole.path.length > MAX_DEPTH) return this.#lose(token, `groups within groups, more than ${MAX_DEPTH}`);
    const { filter, faults } = new FilterParser(text, whole).read();
    if (faults[0] !== undefined) this.#blame(token, `in group ${token.value}: ${faults[0].words}`);
    return filter;
  }
}

/** What is compared, and how. */
interface Comparison {
  readonly name: Token;
  /** Absent: it is not known, or the operator does not fit, and nothing more is said of the value. */
  readonly attribute: Attribute | undefined;
  readonly sign: Token;
  readonly operator: string;
}

/** Why an operator does not fit what is compared; undefined: it does. */
function misfit(name: string, operator: string, { kind }: Attribute): string | undefined {
  const { is, example, isOrdered } = VALUE_KINDS[kind];
  const isList = kind === "list";
  if (isList && operator !== "has" && operator !== "matches") {
    return `${name} is a list; write ${name} has ${example}, or ${name} alone for any`;
  }
  if (operator === "has" && !isList) return `${name} is ${is}, not a list; write ${name} = ${example}`;
  if (operator === "matches" && isOrdered) return `matches is for texts, and ${name} is ${is}`;
  const isMisordered = !isOrdered && /^[<>]/u.test(operator);
  return isMisordered ? `${name} is ${is}, which is never more or less; write =, !=, in or matches` : undefined;
}

const GROUPS_HINT = "List those that are saved: mpo groups list.";

function isOrder(operator: string): operator is Order {
  return ORDERS.includes(operator);
}

function wordsOf({ kind, value }: Token): string {
  return kind === "end" ? "the end" : kind === "text" ? "a text in quotes" : shown(value);
}

/** What others call attributes. */
const SYNONYMS: Readonly<Record<string, string>> = { ram: "memory", cpus: "cores", type: "class" };

function unknown(name: string): [words: string, hint?: string] {
  const lower = name.toLowerCase();
  const names = [...Object.keys(ATTRIBUTES), "group"];
  const isLabel = lower.startsWith("label") || lower === "tag";
  const meant = isLabel ? "label.NAME" : (SYNONYMS[lower] ?? closestOf(name, names));
  const words = `${shown(name)} is not an attribute`;
  if (meant !== undefined) return [`${words}; did you mean ${meant}?`];
  return [words, `The attributes are ${names.join(", ")}, and label.NAME.`];
}
