import type { Terminal } from "./terminal.ts";

/** Rows that are printed at once. The first ones decide how wide the columns are: what is wider later moves its line. */
const ROWS_AT_ONCE = 500;

/** A list of any length: printed as it comes, in time that grows with its rows only. */
export interface Listing {
  /** For people the cells are printed, for programs the value, if any. */
  row(value: object | undefined, cells: () => readonly (string | number)[]): void;
  /** Prints what waits; no head without rows. */
  end(): void;
}

/** A table for people, one JSON object a line with `--json`. */
export function createListing(terminal: Terminal, head: readonly string[]): Listing {
  let values: object[] = [];
  let rows: (readonly string[])[] = [];
  let widths: readonly number[] | undefined;
  const lineOf = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
      .join("  ")
      .trimEnd();
  const end = (): void => {
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
      if (!terminal.json) rows.push(cells().map(String));
      else if (value !== undefined) values.push(value);
      if (rows.length + values.length === ROWS_AT_ONCE) end();
    },
    end,
  };
}
