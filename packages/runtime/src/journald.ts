import { fstatSync } from "node:fs";
import type { LogLevel } from "./log-level.ts";

/** Of syslog, which `journalctl -p` selects by. */
const PRIORITIES: Readonly<Record<LogLevel, number>> = {
  fatal: 2,
  error: 3,
  warn: 4,
  info: 6,
  debug: 7,
  trace: 7,
  silent: 7,
};

/**
 * A text for systemd's journal, which takes a number before a line for its priority (sd-daemon(3)). Each line is an entry
 * of its own there, so each gets the number.
 */
export function withPriority(text: string, level: LogLevel): string {
  return text.replaceAll(/^(?=.)/gmu, `<${PRIORITIES[level]}>`);
}

/** Whether what a process writes to a file descriptor goes to systemd's journal: `JOURNAL_STREAM` names that stream. */
export function goesToJournal(environment: Readonly<Record<string, string | undefined>>, descriptor: number): boolean {
  const [device, inode] = (environment["JOURNAL_STREAM"] ?? "").split(":");
  if (device === undefined || inode === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return String(dev) === device && String(ino) === inode;
  } catch {
    return false;
  }
}
