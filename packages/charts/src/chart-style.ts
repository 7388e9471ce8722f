/** How charts look, on every page that has the colours of PAGE_COLOURS. */
export const CHART_STYLE = `
.pictures {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr));
  gap: 0 16px;
  margin-top: 12px;
}
.pictures > .chart:only-child {
  max-width: 640px;
}
.chart h3 {
  margin: 0 0 8px;
}
.chart > svg {
  display: block;
  width: 100%;
  height: auto;
}
.chart text {
  fill: var(--faint);
  font-size: 11px;
}
.chart .title {
  fill: var(--text);
  font-size: 12px;
}
.chart .grid path {
  stroke: var(--line);
}
.chart .grid .axis {
  stroke: var(--field-line);
}
.chart .limit path {
  stroke: var(--text);
  stroke-dasharray: 5 4;
}
.chart .limit text {
  fill: var(--text);
}
.chart .box + text,
.chart .limit text {
  paint-order: stroke;
  stroke: var(--card);
  stroke-width: 3px;
}
.chart .line {
  fill: none;
  stroke: currentcolor;
  stroke-width: 2;
}
.chart .guide,
.chart .strokes {
  fill: none;
  stroke: currentcolor;
}
.chart .guide {
  stroke-dasharray: 5 4;
}
.chart .strokes {
  stroke-width: 2;
  opacity: 0.5;
}
.chart .band,
.chart .ground {
  fill: currentcolor;
  opacity: 0.16;
}
.chart .box {
  fill: currentcolor;
}
.chart .mark {
  fill: currentcolor;
}
.chart .cross {
  fill: none;
  stroke: currentcolor;
  stroke-width: 2;
}
.series-0 {
  color: var(--joint);
}
.series-1 {
  color: var(--plain);
}
.series-2 {
  color: var(--third);
}
.series-3 {
  color: var(--fourth);
}
.series-4 {
  color: var(--fifth);
}
.series-5 {
  color: var(--sixth);
}
.series-faint {
  color: var(--faint);
}
.legend {
  display: flex;
  flex-wrap: wrap;
  gap: 2px 14px;
  list-style: none;
  margin: 6px 0;
  padding: 0;
  font-size: 13px;
}
.legend .key {
  width: 14px;
  height: 14px;
  vertical-align: -2px;
  margin-right: 5px;
}
figcaption {
  color: var(--faint);
  font-size: 13px;
}
@media print {
  .chart {
    break-inside: avoid;
  }
  .chart details::details-content {
    content-visibility: visible;
    block-size: auto;
  }
}
`;
