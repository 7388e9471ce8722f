import type { Terminal } from "./terminal.ts";

/** Rows that decide how wide the columns are; what is wider later moves the rest of its line. */
const MEASURED_ROWS = 500;

/** A table of any length: printed as it comes, in time that grows with its rows only. */
export interface Listing {
  row(cells: readonly (string | number)[]): void;
  /** Prints what waits; no head without rows. */
  end(): void;
}

/** A listing for people; nothing is made of it with `--json`. */
export function createListing(terminal: Terminal, head: readonly string[]): Listing {
  const waiting: string[][] = [];
  let widths: readonly number[] | undefined;
  const print = (cells: readonly string[], dress: (text: string) => string = (text) => text): void => {
    const line = cells.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join("  ");
    terminal.line(dress(line.trimEnd()));
  };
  const end = (): void => {
    if (widths !== undefined || waiting.length === 0) return;
    widths = head.map((name, column) => Math.max(name.length, ...waiting.map((cells) => cells[column]?.length ?? 0)));
    print(head, terminal.colors.bold);
    for (const cells of waiting) print(cells);
  };
  return {
    row: (cells) => {
      if (terminal.json) return;
      const texts = cells.map(String);
      if (widths !== undefined) print(texts);
      else if (waiting.push(texts) === MEASURED_ROWS) end();
    },
    end,
  };
}
