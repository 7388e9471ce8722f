import Table from "cli-table3";
import type { Terminal } from "./terminal.ts";

/** A table for people, no wider than their screen: what does not fit is wrapped, between words where there are any. */
export interface TextTable {
  /** A row of one cell takes the whole width. */
  push(...rows: readonly (readonly (string | number)[])[]): void;
  toString(): string;
}

/** A table with a bold head where colours are. `compact`: no lines between rows (default: where rows have one line each). */
export function createTable(
  terminal: Terminal,
  head: readonly string[],
  { compact }: { readonly compact?: boolean } = {},
): TextTable {
  const rows: (readonly string[])[] = [];
  return {
    push: (...more) => void rows.push(...more.map((cells) => cells.map(String))),
    toString: () => {
      const widths = fittingWidths([head, ...rows], terminal.columns);
      const wrapRow = (cells: readonly string[]): string[] =>
        cells.map((cell, column) => wrapped(cell, widths[column] as number));
      const body = rows.map((cells) => {
        const [only = ""] = cells;
        const isWhole = cells.length < widths.length;
        return isWhole ? [{ colSpan: widths.length, content: wrapped(only, innerWidth(widths)) }] : wrapRow(cells);
      });
      const hasLines = body.some((cells) => cells.some((cell) => String(cell).includes("\n")));
      const table = new Table({
        // Not by `style.head`: the library asks the process whether there are colours, not the terminal.
        head: wrapRow(head).map((cell) => cell.replaceAll(/[^\n]+/gu, terminal.colors.bold)),
        style: { head: [], border: [], compact: compact ?? !hasLines },
        colWidths: widths.map((width) => width + 2),
      });
      table.push(...body);
      return table.toString();
    },
  };
}

/** Between the contents of two columns stand a border and a blank on each of its sides. */
const BETWEEN = 3;
const LEAST_WIDTH = 4;

function innerWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width + BETWEEN, -BETWEEN);
}

/** Widths of contents: as wide as they are, and where that is too much, the widest ones less, down to their words first. */
function fittingWidths(rows: readonly (readonly string[])[], columns: number): readonly number[] {
  const count = Math.max(...rows.map(({ length }) => length));
  const whole = rows.filter(({ length }) => length === count);
  const lineWidth = (cell = ""): number => Math.max(...cell.split("\n").map(({ length }) => length));
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(1, ...whole.map((cells) => lineWidth(cells[column]))),
  );
  const words = Array.from({ length: count }, (_, column) =>
    Math.max(LEAST_WIDTH, ...whole.flatMap((cells) => (cells[column] ?? "").split(/\s/u).map(({ length }) => length))),
  );
  for (let over = innerWidth(widths) + BETWEEN + 1 - columns; over > 0; over--) {
    // Words are cut only where nothing else is left to give.
    const givers = widths.map((width, column) => (width > words[column]! ? width : 0));
    const giving = givers.some((width) => width > 0) ? givers : widths;
    const widest = Math.max(...giving);
    if (widest <= LEAST_WIDTH) break;
    widths[giving.indexOf(widest)] = widest - 1;
  }
  return widths;
}

/** Lines of at most so many characters. A word that is longer is cut into pieces: nothing is left out. */
function wrapped(text: string, width: number): string {
  const pieces = new RegExp(`\\S{1,${width}}`, "gu");
  return text
    .split("\n")
    .map((line) => {
      let last = "";
      const lines: string[] = [];
      for (const [piece] of line.length <= width ? [[line]] : line.matchAll(pieces)) {
        if (last !== "" && last.length + 1 + piece.length > width) lines.push(last);
        last = last === "" || last.length + 1 + piece.length > width ? piece : `${last} ${piece}`;
      }
      return [...lines, last].join("\n");
    })
    .join("\n");
}
