import Table from "cli-table3";
import type { Terminal } from "./terminal.ts";

/** A table for people; bold head where colours are. Push rows, then print `toString()`. */
export function createTable(terminal: Terminal, head: readonly string[]): Table.Table {
  const isColored = terminal.colors.isColorSupported;
  return new Table({ head: [...head], style: { head: isColored ? ["bold"] : [], border: [], compact: true } });
}
