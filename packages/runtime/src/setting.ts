/** The value that a text stands for, or not ok when it stands for none. */
export type ReadResult<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false };

/** One setting: where it comes from, what it means, how its text is read. */
export interface Setting<Value> {
  /** The environment variable. */
  readonly variable: string;
  /** What it is for, in a few words. */
  readonly about: string;
  /** What a good value looks like, for error messages. */
  readonly expected: string;
  /** Taken when the variable is absent; no fallback: it must be set. */
  readonly fallback: { readonly value: Value } | undefined;
  /** Its value never appears in a message. */
  readonly secret: boolean;
  read(text: string): ReadResult<Value>;
}

/** What every setting can be given. */
export interface SettingOptions<Value> {
  readonly about: string;
  /** Absent: the setting is required. */
  readonly fallback?: Value;
  readonly secret?: boolean;
}

/** Bounds of a number, both included. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/** Any text of at least one character. */
export function textSetting<Value extends string | undefined = string>(
  variable: string,
  options: SettingOptions<Value>,
): Setting<Value | string> {
  return setting<Value | string>(variable, options, "a text", (text) => text);
}

/** A whole number within bounds. */
export function integerSetting(variable: string, options: SettingOptions<number> & Bounds): Setting<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  return setting(variable, options, `a whole number from ${min} to ${max}`, (text) => {
    const value = /^-?\d+$/u.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

/** A number within bounds. */
export function numberSetting(variable: string, options: SettingOptions<number> & Required<Bounds>): Setting<number> {
  const { min, max } = options;
  return setting(variable, options, `a number from ${min} to ${max}`, (text) => {
    const value = /^-?\d+(\.\d+)?$/u.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

/** `1`, `true`, `yes` or `on`; `0`, `false`, `no` or `off`. */
export function flagSetting(variable: string, options: SettingOptions<boolean>): Setting<boolean> {
  return setting(variable, options, "true or false", (text) => {
    if (/^(1|true|yes|on)$/iu.test(text)) return true;
    return /^(0|false|no|off)$/iu.test(text) ? false : undefined;
  });
}

/** One of a few words. */
export function choiceSetting<const Choice extends string>(
  variable: string,
  choices: readonly Choice[],
  options: SettingOptions<NoInfer<Choice>>,
): Setting<Choice> {
  return setting(variable, options, `one of ${choices.join(", ")}`, (text) =>
    choices.find((choice) => choice === text),
  );
}

const MS_OF: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration with its unit (`250ms`, `5s`, `15min`, `24h`, `7d`), in milliseconds. */
export function durationSetting(variable: string, options: SettingOptions<number> & Bounds): Setting<number> {
  return scaledSetting(variable, options, MS_OF, "a duration such as 250ms, 5s, 15min or 24h");
}

const BYTES_OF: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

/** A size with its unit (`512MiB`, `2GB`), in bytes. */
export function bytesSetting(variable: string, options: SettingOptions<number> & Bounds): Setting<number> {
  return scaledSetting(variable, options, BYTES_OF, "a size such as 512MiB or 2GB");
}

function scaledSetting(
  variable: string,
  options: SettingOptions<number> & Bounds,
  units: Readonly<Record<string, number>>,
  example: string,
): Setting<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  const bounds =
    options.min === undefined && options.max === undefined ? "" : ` (${min} to ${max} in the smallest unit)`;
  return setting(variable, options, example + bounds, (text) => {
    const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/u.exec(text);
    const unit = match?.[2];
    if (match === null || unit === undefined || !Object.hasOwn(units, unit)) return undefined;
    const value = Math.round(Number(match[1]) * (units[unit] as number));
    return value >= min && value <= max ? value : undefined;
  });
}

function setting<Value>(
  variable: string,
  options: SettingOptions<Value>,
  expected: string,
  parse: (text: string) => Value | undefined,
): Setting<Value> {
  return {
    variable,
    about: options.about,
    expected,
    fallback: "fallback" in options ? { value: options.fallback as Value } : undefined,
    secret: options.secret ?? false,
    read: (text) => {
      const value = parse(text);
      return value === undefined ? { ok: false } : { ok: true, value };
    },
  };
}
