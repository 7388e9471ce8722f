import type { ComponentChildren, VNode } from "preact";

export interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
}

export interface Row {
  readonly key: string;
  readonly cells: readonly ComponentChildren[];
  readonly isMarked?: boolean;
}

export interface TableProps {
  /** Read out, and shown unless it is said elsewhere. */
  readonly caption: string;
  readonly showsCaption?: boolean;
  readonly columns: readonly (string | Column)[];
  readonly rows: readonly Row[];
}

/** A table that scrolls in its own frame where it is too wide, also by keyboard. The first cell names its row. */
export function Table({ caption, showsCaption = false, columns, rows }: TableProps): VNode {
  const all = columns.map((column) => (typeof column === "string" ? { title: column } : column));
  const classOf = (index: number): string => (all[index]?.isNumber === true ? "number" : "");
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class="table-frame" aria-label={caption} tabIndex={0}>
      <table>
        <caption class={showsCaption ? "" : "hidden"}>{caption}</caption>
        <thead>
          <tr>
            {all.map(({ title }, index) => (
              <th key={title} scope="col" class={classOf(index)}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells, isMarked }) => (
            <tr key={key} class={isMarked === true ? "marked" : ""}>
              {cells.map((cell, index) =>
                index === 0 ? (
                  <th key={all[index]?.title} scope="row" class={classOf(index)}>
                    {cell}
                  </th>
                ) : (
                  <td key={all[index]?.title} class={classOf(index)}>
                    {cell}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
