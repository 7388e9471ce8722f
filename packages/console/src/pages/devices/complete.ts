import { ATTRIBUTES, isName, quoted } from "@mpo/core";

/** What the words of filters may be, where a fleet decides it. */
export interface Vocabulary {
  /** Values of each label, by its name. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
  readonly groups: readonly string[];
  readonly models: readonly string[];
  readonly classes: readonly string[];
}

/** One way to go on. */
export interface Suggestion {
  /** What is shown, and put in. */
  readonly text: string;
  readonly says: string;
}

export interface Completion {
  /** What is replaced: from there up to the cursor. */
  readonly from: number;
  readonly suggestions: readonly Suggestion[];
}

const MOST = 12;
type AttributeName = keyof typeof ATTRIBUTES;

/** By the kind of what is compared, what may stand after its name. */
const OPERATORS: Readonly<Record<(typeof ATTRIBUTES)[AttributeName]["kind"], readonly string[]>> = {
  text: ["=", "!=", "in", "matches"],
  word: ["=", "!=", "in"],
  list: ["has", "matches"],
  size: ["<", "<=", ">", ">=", "="],
  count: ["=", "<", "<=", ">", ">="],
  duration: ["<", ">", "<=", ">="],
  version: ["=", "<", ">=", "!="],
};
const ALL_OPERATORS: ReadonlySet<string> = new Set(Object.values(OPERATORS).flat());
const JOINTS: readonly Suggestion[] = [
  { text: "and", says: "both" },
  { text: "or", says: "either" },
];
const PIECE = /"(?:[^"\\]|\\.)*"?|!=|<=|>=|[<>=(),]|[^\s"<>=!(),]+/gu;

/** How a filter may go on at the cursor: names, then operators, then values, then what joins two conditions. */
export function completionAt(text: string, cursor: number, words: Vocabulary): Completion {
  const before = text.slice(0, cursor);
  const pieces = [...before.matchAll(PIECE)];
  const last = pieces.at(-1);
  const isOpen = last !== undefined && last.index + last[0].length === before.length && !/[(),]$/u.test(last[0]);
  const written = isOpen ? last[0] : "";
  const done = (isOpen ? pieces.slice(0, -1) : pieces).map(([piece]) => piece);
  const lower = written.replace(/^"/u, "").toLowerCase();
  const suggestions = optionsAfter(done, words)
    .filter((one) => one.text.toLowerCase().includes(lower) && one.text !== written)
    .sort((left, right) => rankOf(left, lower) - rankOf(right, lower))
    .slice(0, MOST);
  return { from: cursor - written.length, suggestions };
}

/** What begins with what was written comes first. */
function rankOf({ text }: Suggestion, written: string): number {
  return text.toLowerCase().startsWith(written) ? 0 : 1;
}

function optionsAfter(done: readonly string[], words: Vocabulary): readonly Suggestion[] {
  const operatorAt = done.findLastIndex((piece) => ALL_OPERATORS.has(piece.toLowerCase()));
  const after = done.slice(operatorAt + 1);
  const name = done[operatorAt - 1] ?? "";
  const attribute = name.toLowerCase() === "not" ? (done[operatorAt - 2] ?? "") : name;
  const isList = done[operatorAt]?.toLowerCase() === "in";
  const isInValue = operatorAt >= 0 && (after.length === 0 || (isList && !after.includes(")")));
  if (isInValue) return isList && after.length === 0 ? [{ text: "(", says: "a list" }] : valuesOf(attribute, words);
  const newest = done.at(-1)?.toLowerCase();
  if (newest === undefined || newest === "(" || ["and", "or", "not"].includes(newest)) return names(words);
  const isNamed = operatorAt < 0 || after.some((piece) => ["and", "or", "not"].includes(piece.toLowerCase()));
  return isNamed ? [...operatorsOf(newest), ...JOINTS] : JOINTS;
}

function names({ labels }: Vocabulary): readonly Suggestion[] {
  return [
    ...Object.entries(ATTRIBUTES).map(([text, { says, example }]) => ({ text, says: `${says}: ${example}` })),
    ...[...labels.keys()].map((name) => ({ text: `label.${name}`, says: "a label" })),
    { text: "group", says: "a saved filter: group = NAME" },
    { text: "not", says: "the opposite" },
  ];
}

function operatorsOf(name: string): readonly Suggestion[] {
  const found = Object.entries(ATTRIBUTES).find(([one]) => one.toLowerCase() === name)?.[1];
  const kind = found?.kind ?? "text";
  return OPERATORS[kind].map((text) => ({ text, says: found?.example ?? "" }));
}

function valuesOf(name: string, { labels, groups, models, classes }: Vocabulary): readonly Suggestion[] {
  const as = (says: string) => (value: string) => ({ text: isName(value) ? value : quoted(value), says });
  if (name === "group") return groups.map(as("a saved filter"));
  if (name.startsWith("label.")) return (labels.get(name.slice("label.".length)) ?? []).map(as("a value in use"));
  if (name === "models" || name === "drift") return models.map(as("a model in use"));
  if (name === "class") return classes.map(as("a class in use"));
  const found = Object.entries(ATTRIBUTES).find(([one]) => one === name)?.[1];
  if (found === undefined) return [];
  return "words" in found ? found.words.map(as(found.says)) : [];
}
