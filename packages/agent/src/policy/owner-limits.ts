import {
  bytesIn,
  closestOf,
  type Fact,
  fact,
  faultsOf,
  formatBytes,
  given,
  type Hours,
  hoursIn,
  hoursMeet,
  hoursSchema,
  METHOD_NAMES,
  MpoError,
  minutesLeft,
  msIn,
  type Prediction,
} from "@mpo/core";
import type { DesiredDocument } from "@mpo/protocol";

const { consistent, list, name, object, text, word } = fact;

/** What a device's owner allows. No document can exceed it; what is absent is not limited. */
export interface OwnerLimits {
  /** Of a probe or a retraining, with the processes that it runs in. */
  readonly memoryBytes?: number;
  readonly windowMs?: number;
  /** When work may begin, by the device's local time. */
  readonly hours?: readonly Hours[];
  readonly models?: readonly string[];
  readonly methods?: readonly string[];
  /** All of it, as the owner wrote it: "memory 1.5 GB, hours 22:00-06:00"; empty: nothing is limited. */
  readonly words: string;
}

export const NO_LIMITS: OwnerLimits = { words: "" };

/** A text that says something to whoever reads it. */
function readable(read: (written: string) => unknown, expected: string): ReturnType<typeof text> {
  return consistent(text(0, 64), (written, refuse) => {
    if (read(written) === undefined) refuse([], written, expected);
  });
}

const limitsSchema = object({
  memory: readable((written) => bytesIn(written) || undefined, 'a size with its unit, such as "1.5 GB"').optional(),
  window: readable((written) => msIn(written) || undefined, 'a duration with its unit, such as "10 min"').optional(),
  hours: hoursSchema.optional(),
  models: list(name(), 1, 32).optional(),
  methods: list(word(METHOD_NAMES), 1, METHOD_NAMES.length).optional(),
});
const KEYS = Object.keys(limitsSchema.shape);

/** The limits that a file's text states. Throws `invalid-argument` with all that is wrong with it. */
export function parseLimits(content: string, path: string): OwnerLimits {
  const found = jsonIn(content, path);
  const isObject = typeof found === "object" && found !== null && !Array.isArray(found);
  const unknown = Object.keys(isObject ? found : {}).filter((key) => !KEYS.includes(key));
  const faults = [
    ...unknown.map(
      (key) => `${JSON.stringify(key)} is no limit; expected ${closestOf(key, KEYS) ?? `one of ${KEYS.join(", ")}`}`,
    ),
    ...faultsOf(limitsSchema, found).map((fault) => fault.replace(/^\./u, "").trim()),
  ];
  if (faults.length > 0) throw new MpoError("invalid-argument", `${path}: ${faults.join("; ")}`);
  const written = found as Fact<typeof limitsSchema>;
  const { memory = "", window = "", hours, models, methods } = written;
  return {
    ...given({ memoryBytes: bytesIn(memory), windowMs: msIn(window), models, methods }),
    ...given({ hours: hours?.map((range) => hoursIn(range) as Hours) }),
    words: KEYS.flatMap((key) => {
      const limit = written[key as keyof typeof written];
      return limit === undefined ? [] : [`${key} ${[limit].flat().join(" ")}`];
    }).join(", "),
  };
}

function jsonIn(content: string, path: string): unknown {
  try {
    return JSON.parse(content);
  } catch (thrown) {
    throw new MpoError("invalid-argument", `${path} is not valid JSON: ${MpoError.from(thrown).message}`);
  }
}

/** For how much longer work may go on by the hours; 0: it may not begin. */
export function openMs({ hours }: Pick<OwnerLimits, "hours">, nowMs: number): number {
  if (hours === undefined) return Number.POSITIVE_INFINITY;
  const now = new Date(nowMs);
  const minute = now.getHours() * 60 + now.getMinutes() + now.getSeconds() / 60 + now.getMilliseconds() / 60_000;
  return minutesLeft(hours, minute) * 60_000;
}

/** When work under a document may begin, as it says it; undefined: at any time. */
export function hoursOf({ hours }: Pick<DesiredDocument, "hours">): readonly Hours[] | undefined {
  return hours?.map(hoursIn).filter((range) => range !== undefined);
}

function formatHours(range: Hours): string {
  const times = range.map((minute) =>
    [minute / 60, minute % 60].map((part) => String(Math.floor(part)).padStart(2, "0")),
  );
  return times.map((time) => time.join(":")).join("-");
}

/** Who would work, and what the processes take before the first step. */
export interface Worker {
  readonly model: string;
  /** By which it would be adapted: by any of them. */
  readonly methods: readonly string[];
  readonly idleBytes: number;
}

/** Why a model is not worked on at all; undefined: it may be. */
export function excludedBy(
  limits: OwnerLimits,
  { model, methods }: Pick<Worker, "model" | "methods">,
): string | undefined {
  const { models } = limits;
  if (models?.includes(model) === false) return `models: ${model}; the owner allows ${models.join(", ")}`;
  return methods.some((method) => allowsMethod(limits, method)) ? undefined : methodExcess(limits, methods);
}

/** Whether a model may be adapted by a method. */
export function allowsMethod({ methods }: Pick<OwnerLimits, "methods">, method: string): boolean {
  return methods?.includes(method) !== false;
}

function methodExcess({ methods = [] }: OwnerLimits, asked: readonly string[]): string {
  return `methods: ${asked.join(", ")}; the owner allows ${methods.join(", ")}`;
}

/** Throws `invalid-argument` where an agent could work by no method that its owner allows. */
export function requireMethods(limits: OwnerLimits, methods: readonly string[]): void {
  if (methods.some((method) => allowsMethod(limits, method))) return;
  const { methods: allowed = [] } = limits;
  const words = `models are adapted by ${methods.join(", ")}; the owner allows ${allowed.join(", ")}`;
  const hint = `Start the agent with --method ${allowed[0]}, or change the file of limits.`;
  throw new MpoError("invalid-argument", words, { hint });
}

/** The limit that a rung exceeds, and both values; undefined: it may run. */
export function rungExcess(limits: OwnerLimits, rung: Prediction, idleBytes: number): string | undefined {
  const { memoryBytes = Number.POSITIVE_INFINITY, windowMs = Number.POSITIVE_INFINITY } = limits;
  if (rung.method !== undefined && !allowsMethod(limits, rung.method)) return methodExcess(limits, [rung.method]);
  const bytes = rung.memoryBytes.upper + idleBytes;
  if (bytes > memoryBytes)
    return `memory: ${formatBytes(bytes, Math.ceil)}; the owner allows ${formatBytes(memoryBytes)}`;
  const ms = rung.overheadMs + rung.trainingMs;
  return ms > windowMs
    ? `window: ${Math.ceil(ms / 1000)} s; the owner allows ${Math.floor(windowMs / 1000)} s`
    : undefined;
}

/** Why nothing of a document may run: what it asks for and what is allowed; undefined: some of it may. */
export function documentExcess(
  limits: OwnerLimits,
  document: Pick<DesiredDocument, "model" | "rungs" | "chosenRung" | "hours">,
  { methods, idleBytes }: Omit<Worker, "model">,
): string | undefined {
  const { model, rungs, chosenRung } = document;
  const excluded = excludedBy(limits, { model, methods });
  if (excluded !== undefined) return excluded;
  const hours = hoursOf(document);
  if (hours !== undefined && limits.hours !== undefined && !hoursMeet(hours, limits.hours))
    return `hours: ${document.hours?.join(" ")}; the owner allows ${limits.hours.map(formatHours).join(" ")}`;
  const excesses = rungs.slice(0, chosenRung + 1).map((rung) => rungExcess(limits, rung, idleBytes));
  return excesses.length > 0 && excesses.every((excess) => excess !== undefined)
    ? `${excesses[0]} (the rung that takes least memory)`
    : undefined;
}
