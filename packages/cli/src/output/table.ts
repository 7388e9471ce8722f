import Table from "cli-table3";
import type { Terminal } from "./terminal.ts";

/** Options of `createTable`. */
export interface TableOptions {
  /** Of each column; words are wrapped to it. Default: as wide as what stands there. */
  readonly widths?: readonly number[];
  /** No lines between rows. Default: where columns have no width. */
  readonly compact?: boolean;
}

/** A table for people; bold head where colours are. Push rows, then print `toString()`. */
export function createTable(
  terminal: Terminal,
  head: readonly string[],
  { widths, compact = widths === undefined }: TableOptions = {},
): Table.Table {
  const isColored = terminal.colors.isColorSupported;
  const style = { head: isColored ? ["bold"] : [], border: [], compact };
  return new Table({
    head: [...head],
    style,
    ...(widths === undefined ? {} : { colWidths: [...widths], wordWrap: true }),
  });
}
