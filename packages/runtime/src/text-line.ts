/**
 * Turns one JSON log line into a line for people: `2026-03-01 10:15:02.120Z WARN  message name=value`, a bug's
 * stack below. Without a time where the reader has its own.
 */
export function textLine(jsonLine: string, { hasTime = true }: { readonly hasTime?: boolean } = {}): string {
  const { level, time, msg, err, ...fields } = JSON.parse(jsonLine) as Readonly<Record<string, unknown>>;
  const moment = hasTime ? `${String(time).replace("T", " ")} ` : "";
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${shown(value)}`);
  const head = `${moment}${String(level).toUpperCase().padEnd(5)} ${String(msg)}${pairs.join("")}`;
  return `${head}${errorText(err)}\n`;
}

function shown(value: unknown): string {
  return typeof value === "string" && /^[\w.:/@+-]+$/u.test(value) ? value : JSON.stringify(value);
}

function errorText(error: unknown): string {
  if (typeof error !== "object" || error === null) return error === undefined ? "" : ` err=${shown(error)}`;
  const { code, message, hint, stack, cause } = error as Readonly<Record<string, unknown>>;
  const lines = [` ${String(message)}${code === undefined ? "" : ` (${String(code)})`}`];
  if (hint !== undefined) lines.push(`    hint: ${String(hint)}`);
  // Errors with a code of their own say what is wrong; where they were thrown is of use for bugs only.
  const isBug = code === undefined || code === "internal";
  const frames = isBug ? String(stack ?? "").split("\n") : [];
  lines.push(...frames.filter((line) => /^\s+at /u.test(line)).slice(0, 6));
  const causeText = cause === undefined ? "" : `\n    caused by:${errorText(cause).replace(/^:/u, "")}`;
  return `:${lines.join("\n")}${causeText}`;
}
