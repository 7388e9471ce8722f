import { cpus } from "node:os";
import { type CommandContext, createTable, startProgress, type Terminal } from "@mpo/cli";
import { given, type MethodName } from "@mpo/core";
import { type Model, methodNamed, type StepTask } from "@mpo/engine";

/** What a bench ran on, as its records name it. */
export const PROCESSOR = `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}`;

/** The steps of a model that is retrained by a method, for workers to measure. */
export function stepTaskOf(
  model: Model,
  method: MethodName,
  { seed, threads }: { readonly seed: number; readonly threads?: number },
  { environment }: Pick<CommandContext, "environment">,
): StepTask {
  const { loss, optimizer } = methodNamed(method);
  return { model, training: { loss, optimizer }, seed, environment, ...given({ threads }) };
}

/** Work with a bar on the screen, which each call of `advance` moves by one step. */
export async function withProgress<Result>(
  { terminal, title, total }: { readonly terminal: Terminal; readonly title: string; readonly total: number },
  work: (advance: (facts: string) => void) => Promise<Result>,
): Promise<Result> {
  const progress = startProgress(terminal, title, total);
  let done = 0;
  try {
    return await work((facts) => progress.update(++done, facts));
  } finally {
    progress.end();
  }
}

/** Measures one item after the other, with a bar on the screen, and a record of each. */
export async function measureEach<Item, Row extends object>(
  { title, items, facts }: { title: string; items: readonly Item[]; facts: (row: Row) => string },
  { terminal, signal }: CommandContext,
  measure: (item: Item) => Promise<Row>,
): Promise<readonly Row[]> {
  return await withProgress({ terminal, title, total: items.length }, async (advance) => {
    const rows: Row[] = [];
    for (const item of items) {
      signal.throwIfAborted();
      const row = await measure(item);
      rows.push(row);
      terminal.record(row);
      advance(facts(row));
    }
    return rows;
  });
}

/** The columns of a table: what stands above each, and what a row has there. */
export type Columns<Row> = readonly (readonly [head: string, cell: (row: Row) => string | number])[];

export function printTable<Row>(rows: readonly Row[], columns: Columns<Row>, terminal: Terminal): void {
  const heads = columns.map(([head]) => head);
  const table = createTable(terminal, heads);
  for (const row of rows) table.push(columns.map(([, cell]) => cell(row)));
  terminal.line(table.toString());
}
