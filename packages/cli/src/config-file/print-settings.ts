import type { Output } from "../command-context.ts";
import { isRepeated } from "../options/address-options.ts";
import { keyOf, type Setting } from "./settings.ts";

/** A comment begins here, or after a longer value. */
const COMMENT_COLUMN = 40;

/** Prints what counts, as a config file would say it, with where each value comes from. */
export function printSettings(settings: readonly Setting[], title: string, { terminal }: Output): void {
  terminal.line(`# ${title}`);
  for (const setting of settings) {
    const { source, where } = setting;
    const key = keyOf(setting.option);
    const value = valueText(setting);
    terminal.record({
      key,
      value: isSecret(setting) ? null : setting.texts.join(" ") || null,
      source,
      ...(where && { where }),
    });
    const origin = where === undefined ? source : `${source}: ${where}`;
    terminal.line(
      value === undefined
        ? `# ${key}: ${usualWords(setting)}`
        : `${`${key} = ${value}`.padEnd(COMMENT_COLUMN)}  # ${origin}`,
    );
  }
}

/** The value in TOML; undefined: there is none, or it is not for everybody's eyes. */
function valueText(setting: Setting): string | undefined {
  const { option, texts, value, source } = setting;
  if (option.isBoolean()) return String(value === true);
  if (texts.length === 0 || isSecret(setting)) return undefined;
  if (isRepeated(option)) return `[${texts.map(quoted).join(", ")}]`;
  const [text = ""] = texts;
  return source !== "option" && /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/u.test(text) ? text : quoted(text);
}

/** A line to join with, which lets somebody in. */
function isSecret({ option, texts: [text = ""] }: Setting): boolean {
  return keyOf(option) === "join" && text !== "" && !/^[@-]/u.test(text);
}

function usualWords(setting: Setting): string {
  if (isSecret(setting)) return `hidden; ${setting.source}`;
  const words = /\(default: (.*)\)$/u.exec(setting.option.description)?.[1];
  return words === undefined ? "none; default" : `${words}; default`;
}

/** A basic string: TOML takes what JSON does, but for one character. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}
