import type { Terminal } from "./terminal.ts";

/** Rows that are printed at once. The first ones decide how wide the columns are: what is wider later moves its line. */
const ROWS_AT_ONCE = 500;
/** Before all lines of a row but its first. */
const INDENT = "  ";

/**
 * A list of any length: printed as it comes, in time that grows with its rows only. Where a screen is narrower than a row,
 * the row takes several lines; elsewhere it is always one.
 */
export interface Listing {
  /** For people the cells are printed, for programs the value, if any. */
  row(value: object | undefined, cells: () => readonly (string | number)[]): void;
  /** Prints what waits; no head without rows. Returns how many there were. */
  end(): number;
}

/** A table for people, one JSON object a line with `--json`. */
export function createListing(terminal: Terminal, head: readonly string[]): Listing {
  let values: object[] = [];
  let rows: (readonly string[])[] = [];
  let widths: readonly number[] | undefined;
  let count = 0;
  const columns = terminal.stdout.isTTY === true ? terminal.columns : Number.POSITIVE_INFINITY;
  const lineOf = (cells: readonly string[]): string => {
    const lines = [""];
    cells.forEach((cell, column) => {
      const width = widths?.[column] ?? 0;
      const line = lines.at(-1) ?? "";
      const isFull = line !== "" && line.length + Math.max(width, cell.length) > columns;
      lines.splice(isFull ? lines.length : -1, 1, `${isFull ? INDENT : line}${cell.padEnd(width)}  `);
    });
    return lines
      .map((line) => line.trimEnd())
      .filter((line) => line !== "")
      .join("\n");
  };
  const print = (): void => {
    terminal.record(...values);
    if (rows.length > 0) {
      const isFirst = widths === undefined;
      widths ??= head.map((name, column) => Math.max(name.length, ...rows.map((cells) => cells[column]?.length ?? 0)));
      terminal.line([...(isFirst ? [terminal.colors.bold(lineOf(head))] : []), ...rows.map(lineOf)].join("\n"));
    }
    [values, rows] = [[], []];
  };
  return {
    row: (value, cells) => {
      count += 1;
      if (!terminal.json) rows.push(cells().map(String));
      else if (value !== undefined) values.push(value);
      if (rows.length + values.length === ROWS_AT_ONCE) print();
    },
    end: () => {
      print();
      return count;
    },
  };
}
