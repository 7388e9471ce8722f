import { type ChartProps, chartMarkup } from "@mpo/charts";
import { html, type Markup, trusted } from "./html.ts";
import { PAGE_STYLE } from "./page-style.ts";

/** A whole page, in one piece: no scripts, nothing that is fetched (its policy forbids both). */
export function page(title: string, main: Markup, footer: Markup): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${trusted(PAGE_STYLE)}</style>
</head>
<body>
<main>
${main}
</main>
<footer class="faint">${footer}</footer>
</body>
</html>
`.text;
}

/** Charts with their numbers: those of the console, drawn once. */
export function pictures(charts: readonly ChartProps[]): Markup {
  return html`<div class="pictures">${charts.map((chart) => trusted(chartMarkup(chart)))}</div>`;
}

/** Columns of words; all others are of numbers, but the first. */
const WORDS = ["configuration", "who", "why"];

/** A table; each row is its cells, or a whole `<tr>`. */
export function table(head: readonly string[], rows: readonly (Markup | readonly (string | number)[])[]): Markup {
  const isWords = head.map((title) => WORDS.includes(title));
  const cell = (content: string | number, column: number): Markup =>
    isWords[column] ? html`<td class="words">${content}</td>` : html`<td>${content}</td>`;
  const headCell = (title: string, column: number): Markup =>
    isWords[column] ? html`<th class="words" scope="col">${title}</th>` : html`<th scope="col">${title}</th>`;
  const body = rows.map((row) => (Array.isArray(row) ? html`<tr>${row.map(cell)}</tr>` : (row as Markup)));
  return html`<table><thead><tr>${head.map(headCell)}</tr></thead><tbody>${body}</tbody></table>`;
}

/** The same, in a frame of its own. */
export function tableCard(...of: Parameters<typeof table>): Markup {
  return html`<div class="card table">${table(...of)}</div>`;
}
