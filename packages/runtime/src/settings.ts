import { MpoError } from "@mpo/core";
import type { Setting } from "./setting.ts";

/** The settings of a process: one entry a value, named as the program uses it. */
export type SettingsSpec = Readonly<Record<string, Setting<unknown>>>;

/** What `readSettings` returns for a spec. */
export type SettingsOf<Spec extends SettingsSpec> = {
  readonly [Name in keyof Spec]: Spec[Name] extends Setting<infer Value> ? Value : never;
};

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads typed settings from environment variables; an absent or empty variable takes its default. Collects every
 * problem and throws once, `invalid-argument` with one line a problem.
 */
export function readSettings<const Spec extends SettingsSpec>(environment: Environment, spec: Spec): SettingsOf<Spec> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, setting] of Object.entries(spec)) {
    const text = environment[setting.variable]?.trim() ?? "";
    if (text !== "") {
      const read = setting.read(text);
      if (read.ok) values[name] = read.value;
      else problems.push(`${setting.variable} ${shown(text, setting.secret)}: expected ${setting.expected}`);
    } else if (setting.fallback !== undefined) {
      values[name] = setting.fallback.value;
    } else {
      problems.push(`${setting.variable} is not set: expected ${setting.expected} (${setting.about})`);
    }
  }
  if (problems.length > 0) {
    throw new MpoError("invalid-argument", problems.join("\n"), {
      hint: "Set these environment variables as said, or unset those that have a default.",
    });
  }
  return values as SettingsOf<Spec>;
}

/** One line a setting: variable, what it is for, what is expected, default. For `--help` texts. */
export function describeSettings(spec: SettingsSpec): readonly string[] {
  return Object.values(spec).map(({ variable, about, expected, fallback, secret }) => {
    const standard = fallback === undefined ? "required" : `default ${secret ? "(hidden)" : String(fallback.value)}`;
    return `${variable}: ${about}; ${expected}; ${standard}`;
  });
}

function shown(text: string, secret: boolean): string {
  return secret ? "has a value that does not fit" : `is ${JSON.stringify(text)}`;
}
