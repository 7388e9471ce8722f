import { dirname, resolve } from "node:path";
import { closestOf } from "@mpo/core";
import { InvalidArgumentError, type Option } from "commander";
import { isRepeated } from "../options/address-options.ts";
import { type FileFault, inOrder } from "../written/written-file.ts";
import type { TomlFile, WrittenEntry, WrittenValue } from "./toml-file.ts";

/** Where a value comes from; the earlier wins. */
export type SettingSource = "option" | "environment" | "file" | "default";

/** An option's value as it was written. */
export interface Written {
  readonly source: SettingSource;
  /** The environment's variable, or the line of the file. */
  readonly where?: string;
  /** None: a flag that is set, or nothing that can be written. */
  readonly texts: readonly string[];
}

export interface Setting extends Written {
  readonly option: Option;
  readonly value: unknown;
}

/** A config file that was read. */
export interface NamedToml extends TomlFile {
  readonly path: string;
}

/** What the command line says of an option. */
export type Given = (option: Option) => (Written & { readonly value: unknown }) | undefined;

export interface SettingSources {
  readonly given: Given;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of the environment's variables: MPO_AGENT. */
  readonly prefix: string;
  readonly file?: NamedToml | undefined;
}

export interface Settings {
  readonly all: readonly Setting[];
  /** All that is wrong with the file. */
  readonly faults: readonly FileFault[];
  /** All that is wrong with the environment, a sentence each. */
  readonly mistakes: readonly string[];
}

/** The key of an option in a config file: its long name. */
export function keyOf(option: Option): string {
  return option.name();
}

/** `MPO_AGENT_RESERVE_SHARE`. */
export function variableOf(prefix: string, option: Option): string {
  return `${prefix}_${keyOf(option).replaceAll("-", "_").toUpperCase()}`;
}

/** What counts for each option: the command line, the environment, the file, or what is usual, in this order. */
export function settingsFrom(options: readonly Option[], sources: SettingSources): Settings {
  const { file, given } = sources;
  const mistakes: string[] = [];
  const faults = [...(file?.faults ?? []), ...unknownKeys(options, file?.entries ?? [])];
  const all = options.map((option): Setting => {
    // The file is checked as a whole, also where something else wins.
    const entry = file?.entries.find(({ key }) => key === keyOf(option));
    const fromFile = file && entry && settingOf(option, entry, file.path, faults);
    const own = given(option);
    if (own !== undefined) return { option, ...own };
    const fromVariable = settingOfVariable(option, sources, mistakes);
    const usual = {
      option,
      source: "default",
      texts: usualTexts(option),
      value: option.defaultValue as unknown,
    } as const;
    return fromVariable ?? fromFile ?? usual;
  });
  return { all, faults: inOrder(faults), mistakes };
}

function unknownKeys(options: readonly Option[], entries: readonly WrittenEntry[]): readonly FileFault[] {
  const known = options.map(keyOf);
  return entries
    .filter(({ key }) => !known.includes(key))
    .map(({ key, line, column }) => {
      const meant = closestOf(key, known);
      const words = meant === undefined ? "there is no such option" : `did you mean ${meant}?`;
      return { line, column, message: `${key} is not known; ${words}` };
    });
}

function settingOf(
  option: Option,
  { values, isList, line, column }: WrittenEntry,
  path: string,
  faults: FileFault[],
): Setting | undefined {
  const key = keyOf(option);
  const fault = (place: Pick<WrittenValue, "line" | "column">, message: string): undefined => {
    faults.push({ line: place.line, column: place.column, message: `${key} ${message}` });
  };
  if (isList && !isRepeated(option)) return fault(values[0] ?? { line, column }, "is a list; expected one value");
  const isFlag = option.isBoolean();
  const wrong = values.find(({ kind }) => (kind === "boolean") !== isFlag);
  if (wrong !== undefined) {
    const expected = isFlag ? "true or false" : "a string or a number";
    return fault(wrong, `is ${shown(wrong)}; expected ${expected}`);
  }
  const where = `${path}:${line}`;
  const texts = values.map(({ text }) => fromFolder(option, text, dirname(path)));
  if (isFlag) return { option, source: "file", where, texts, value: texts[0] === "true" };
  let value: unknown;
  for (const [at, one] of values.entries()) {
    try {
      value = parsed(option, texts[at] as string, value);
    } catch (thrown) {
      if (!(thrown instanceof InvalidArgumentError)) throw thrown;
      fault(one, `is ${shown(one)}; ${lowerCased(thrown.message)}`);
    }
  }
  return { option, source: "file", where, texts, value: value ?? [] };
}

/**
 * Several values of a repeated option stand with spaces between. Some options have a variable of their own in addition,
 * which other commands read too.
 */
function settingOfVariable(option: Option, sources: SettingSources, mistakes: string[]): Setting | undefined {
  const names = [variableOf(sources.prefix, option), ...(option.envVar === undefined ? [] : [option.envVar])];
  const where = names.find((name) => (sources.environment[name] ?? "") !== "");
  const text = where === undefined ? undefined : sources.environment[where];
  if (where === undefined || text === undefined) return undefined;
  if (option.isBoolean()) {
    if (text !== "true" && text !== "false") {
      mistakes.push(`the environment's ${where} is "${text}"; expected true or false`);
    }
    return { option, source: "environment", where, texts: [text], value: text === "true" };
  }
  const texts = isRepeated(option) ? text.split(/\s+/u).filter(Boolean) : [text];
  let value: unknown;
  for (const one of texts) {
    try {
      value = parsed(option, one, value);
    } catch (thrown) {
      if (!(thrown instanceof InvalidArgumentError)) throw thrown;
      mistakes.push(`the environment's ${where} is "${one}"; ${lowerCased(thrown.message)}`);
    }
  }
  return { option, source: "environment", where, texts, value };
}

function parsed(option: Option, text: string, before: unknown): unknown {
  return option.parseArg === undefined ? text : option.parseArg(text, before);
}

/** What is a path counts from where the file is, which is the same wherever the command is run. */
function fromFolder(option: Option, text: string, folder: string): string {
  if (/<(?:folder|file|path)>/u.test(option.flags)) return resolve(folder, text);
  return keyOf(option) === "join" && text.startsWith("@") ? `@${resolve(folder, text.slice(1))}` : text;
}

function usualTexts({ defaultValue, defaultValueDescription: words }: Option): readonly string[] {
  if (words !== undefined) return [words];
  return defaultValue === undefined ? [] : [String(defaultValue)];
}

function shown({ kind, text }: WrittenValue): string {
  return kind === "string" ? JSON.stringify(text) : text;
}

/** "Expected a size." as the end of a sentence. */
function lowerCased(message: string): string {
  return `${message.charAt(0).toLowerCase()}${message.slice(1)}`.replace(/\.$/u, "");
}
