import { CHART_STYLE } from "@mpo/charts";
import { PAGE_COLOURS } from "@mpo/core";

/** The page's style: light and dark by what the reader's system prefers; one column on a phone. */
export const PAGE_STYLE: string = `
${coloursFor("light")}
@media screen and (prefers-color-scheme: dark) { ${coloursFor("dark")} }
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 24px 16px 48px; max-width: 1120px; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 32px 0 12px; }
p { margin: 0 0 8px; }
.faint { color: var(--faint); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; }
.chosen { font-size: 17px; font-weight: 600; color: var(--joint); margin: 0 0 12px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0; }
.tiles dt { color: var(--faint); font-size: 13px; }
.tiles dd { margin: 0; font-size: 20px; font-weight: 600; }
.tiles dd small { display: block; font-size: 13px; font-weight: 400; color: var(--faint); }
ul { margin: 0; padding-left: 20px; }
${CHART_STYLE}
figure { margin: 0 0 16px; min-width: 0; }
h3 { font-size: 15px; }
figcaption { margin-top: 8px; }
.table-frame { overflow-x: auto; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.table { overflow-x: auto; padding: 4px 16px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: right; padding: 7px 0 7px 16px; border-top: 1px solid var(--line); white-space: nowrap; }
thead th { border-top: 0; color: var(--faint); font-weight: 500; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.words, th.words { text-align: left; white-space: normal; min-width: 180px; }
figure th, figure td { white-space: normal; font-weight: 400; }
figure :is(th, td) { overflow-wrap: normal; }
figure .number { text-align: right; white-space: nowrap; }
figure :is(th, td):not(.number) { text-align: left; }
tr.best td { font-weight: 600; color: var(--joint); }
details summary { cursor: pointer; padding: 10px 0; }
footer { margin-top: 32px; font-size: 13px; }
@media (max-width: 760px) {
  body { padding: 16px 12px 32px; }
  .card { padding: 12px; }
  .table { padding: 4px 12px; }
}
@media print { :root { color-scheme: light; } body { background: none; } .card { break-inside: avoid; } }
`;

function coloursFor(theme: "light" | "dark"): string {
  const colours = Object.entries(PAGE_COLOURS).map(([name, [light, dark]]) => {
    return `--${name}: ${theme === "light" ? light : dark};`;
  });
  return `:root { color-scheme: light dark; ${colours.join(" ")} }`;
}
