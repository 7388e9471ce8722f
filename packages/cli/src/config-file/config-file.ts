import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { MpoError } from "@mpo/core";
import type { Command, Option } from "commander";
import type { CommandContext, Files, Stop } from "../command-context.ts";
import { faultLines, readWritten } from "../written/written-file.ts";
import { printSettings } from "./print-settings.ts";
import {
  type Given,
  keyOf,
  type NamedToml,
  type Setting,
  type Settings,
  settingsFrom,
  type Written,
} from "./settings.ts";
import { readToml } from "./toml-file.ts";

/** Options of a command that runs on, from the command line, the environment and a config file. */
export interface ConfigFile<Options> {
  /** The file that counts; undefined: none. */
  readonly path: string | undefined;
  /** Reads the file again. Throws `invalid-argument` with all that is wrong with it. */
  reload(): Promise<Reloaded<Options>>;
}

/** What a config file says now. */
export interface Reloaded<Options> {
  readonly options: Options;
  /** Keys whose values are other ones than when it was last read, and than at the start. */
  readonly changed: readonly string[];
  readonly sinceStart: readonly string[];
}

/** For the sub-commands of a command with a config file. */
export interface UsualConfig {
  /** The config file of an installed system, where that is what counts. */
  usualPath(): string | undefined;
}

type Run<Options> = (options: Options, config: ConfigFile<Options>) => Promise<void>;

/** Options that no file has. */
const OWN_KEYS = ["config", "print-config"];
/** The user of an installed system. */
export const SERVICE_USER = "mpo";

/**
 * Adds `--config` and `--print-config` to a command whose other options are already there, and what to run. `run` gets the
 * options as they count; so do the command's own sub-commands, by their `optsWithGlobals`.
 */
export function runWithConfig<Options>(command: Command, context: CommandContext, run: Run<Options>): UsualConfig {
  const name = command.name();
  const settable = settableOptions(command);
  const own = new Map<Option, Written>();
  for (const option of settable) listen(command, option, own);
  command
    .option(
      "--config <file>",
      `options as TOML (default: /etc/mpo/${name}.toml, for root and the user ${SERVICE_USER})`,
    )
    .option("--print-config", "print what counts and where it comes from, as TOML, and do nothing else", false);
  let current: Settings | undefined;
  let path: string | undefined;
  const read = async (): Promise<Settings> => {
    const file = path === undefined ? undefined : await readConfig(path, context);
    const given: Given = (option) => {
      const written = own.get(option);
      return written && { ...written, value: command.getOptionValue(option.attributeName()) as unknown };
    };
    return sound(
      settingsFrom(settable, { given, environment: context.environment, prefix: prefixOf(name), file }),
      file,
    );
  };
  command.hook("preAction", async () => {
    const { config } = command.opts<{ config?: string }>();
    path = config === undefined ? usualConfig(name, context) : resolve(context.workingFolder, config);
    current = await read();
    for (const setting of current.all) take(command, setting);
  });
  command.action(async () => {
    const { config: _, printConfig, ...options } = command.opts<{ config?: string; printConfig: boolean }>();
    if (printConfig) {
      const title = path === undefined ? `mpo ${name}, without a config file` : `mpo ${name}, with ${path}`;
      printSettings(current?.all ?? [], title, context);
      return;
    }
    const atStart = current?.all ?? [];
    await run(options as Options, {
      path,
      reload: async () => {
        const before = current?.all ?? [];
        current = await read();
        const { all } = current;
        const values = all.map(({ option, value }) => [option.attributeName(), value] as const);
        return {
          options: { ...options, ...Object.fromEntries(values) } as Options,
          changed: otherThan(before, all),
          sinceStart: otherThan(atStart, all),
        };
      },
    });
  });
  return {
    usualPath: () => {
      const { configFolder } = context;
      return configFolder !== undefined && path === join(configFolder, `${name}.toml`) ? path : undefined;
    },
  };
}

/** All that is wrong with a config file for a command, by its definition. */
export async function checkConfigFile(
  path: string,
  command: Command,
  context: Pick<Files, "workingFolder"> & Stop,
): Promise<Settings["faults"]> {
  const file = await readConfig(path, context);
  const settable = settableOptions(command);
  return settingsFrom(settable, { given: () => undefined, environment: {}, prefix: "", file }).faults;
}

/** What counts for a command that is run without options: the environment, the usual config file, and what is usual. */
export async function settingsHere(
  command: Command,
  context: Files & Stop,
): Promise<{ readonly path: string | undefined; readonly settings: readonly Setting[] }> {
  const path = usualConfig(command.name(), context);
  const file = path === undefined ? undefined : await readConfig(path, context);
  const sources = { given: () => undefined, environment: context.environment, prefix: prefixOf(command.name()), file };
  return { path, settings: sound(settingsFrom(settableOptions(command), sources), file).all };
}

function settableOptions(command: Command): readonly Option[] {
  return command.options.filter((option) => !OWN_KEYS.includes(keyOf(option)));
}

function prefixOf(name: string): string {
  return `MPO_${name.toUpperCase()}`;
}

/** Keeps what was written, which commander replaces by what it means. */
function listen(command: Command, option: Option, own: Map<Option, Written>): void {
  command.on(`option:${option.name()}`, (text: string | undefined) => {
    const texts = own.get(option)?.texts ?? [];
    own.set(option, { source: "option", texts: text === undefined ? ["true"] : [...texts, text] });
  });
}

function take(command: Command, { option, value, source }: Setting): void {
  if (source === "option") return;
  const name = { environment: "env", file: "config", default: "default" } as const;
  command.setOptionValueWithSource(option.attributeName(), value, name[source]);
}

/** The config file of an installed system, where it counts: for root and the system's own user. */
function usualConfig(name: string, { configFolder, userName }: Files): string | undefined {
  if (configFolder === undefined) return undefined;
  const usual = join(configFolder, `${name}.toml`);
  return (userName === "root" || userName === SERVICE_USER) && existsSync(usual) ? usual : undefined;
}

async function readConfig(path: string, context: Pick<Files, "workingFolder"> & Stop): Promise<NamedToml> {
  return { path, ...readToml(await readWritten(path, context)) };
}

function sound(settings: Settings, file: NamedToml | undefined): Settings {
  const { faults, mistakes } = settings;
  const lines = [...mistakes, ...(file === undefined ? [] : faultLines({ place: file.path, faults }))];
  if (lines.length === 0) return settings;
  throw new MpoError("invalid-argument", lines.join("\n"), {
    hint:
      file === undefined || faults.length === 0
        ? "Correct the environment."
        : `Correct it; mpo config-file check ${file.path} says when it is sound.`,
  });
}

/** Keys of what has another value now. */
function otherThan(before: readonly Setting[], now: readonly Setting[]): readonly string[] {
  const words = ({ texts, value }: Setting): string => JSON.stringify([texts, value]);
  return now
    .filter((setting, at) => words(setting) !== words(before[at] as Setting))
    .map(({ option }) => keyOf(option));
}
