import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ChartProps, chartMarkup, type Series } from "./index.ts";

const HOSTILE = `</svg><script>alert("it's")</script>`;
const chart = (series: readonly Series[], more: Partial<ChartProps> = {}): ChartProps => ({
  title: "Memory",
  caption: "What it takes.",
  x: { title: "steps", format: String },
  y: { title: "bytes", format: String },
  series,
  numbers: { caption: "The same", columns: ["Step", "Bytes"], rows: [{ key: "1", cells: [1, 2] }] },
  ...more,
});

void describe("a chart as HTML", () => {
  it("has a name for those who do not see it, and its numbers beside it", () => {
    const text = chartMarkup(
      chart([
        {
          name: "a",
          kind: "line",
          points: [
            [0, 1],
            [1, 2],
          ],
        },
      ]),
    );
    assert.match(text, /<svg [^>]*role="img" aria-label="Memory"/u);
    assert.match(text, /<summary>In numbers<\/summary><section [^>]*aria-label="The same"[^>]*><table>/u);
    assert.match(text, /<figcaption>What it takes\.<\/figcaption>/u);
  });

  it("escapes every text", () => {
    const text = chartMarkup(
      chart(
        [
          { name: HOSTILE, kind: "boxes", boxes: [{ from: 0, to: 1, low: 0, high: 1, label: HOSTILE }] },
          { name: "other", kind: "dots", points: [[1, 1]] },
        ],
        {
          ...{ title: HOSTILE, caption: HOSTILE, limit: { axis: "x", at: 1, name: HOSTILE } },
          ...{ x: { title: HOSTILE, format: () => HOSTILE }, y: { title: HOSTILE, format: () => HOSTILE } },
          numbers: { caption: HOSTILE, columns: [HOSTILE], rows: [{ key: HOSTILE, cells: [HOSTILE] }] },
        },
      ),
    );
    assert.doesNotMatch(text, /<script|<\/svg><script/u);
  });

  it("draws every kind, once in the legend, with no mark outside of the picture", () => {
    const text = chartMarkup(
      chart(
        [
          {
            name: "curve",
            colour: 0,
            kind: "band",
            stretches: [
              [1, 1, 4],
              [100, 2, 8],
            ],
          },
          { name: "curve", colour: 0, kind: "dots", points: [[1, 2]] },
          {
            name: "curve",
            colour: 0,
            kind: "steps",
            isFilled: true,
            points: [
              [1, 2],
              [100, 4],
            ],
          },
          { name: "bounds", kind: "strokes", stretches: [[10, 1, 8]] },
          {
            name: "even",
            colour: "faint",
            kind: "guide",
            points: [
              [1, 1],
              [100, 8],
            ],
          },
          { name: "bars", kind: "boxes", boxes: [{ from: 1, to: 10, low: 1, high: 2 }] },
        ],
        { x: { title: "x", format: String, isLogarithmic: true }, y: { title: "y", format: String, isDownward: true } },
      ),
    );
    assert.equal(text.match(/<li /gu)?.length, 3, text);
    assert.doesNotMatch(text, /NaN|Infinity|undefined/u);
    for (const [, x, y] of text.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/gu)) {
      assert.ok(Number(x) >= 0 && Number(x) <= 460 && Number(y) >= 0 && Number(y) <= 260, `${x} ${y}`);
    }
  });

  it("says that there is nothing to draw, and of a bound far away where it is", () => {
    assert.match(chartMarkup(chart([])), /Nothing to draw yet/u);
    const far = chart([{ name: "a", kind: "dots", points: [[1, 1]] }], { limit: { axis: "x", at: 99, name: "limit" } });
    assert.match(chartMarkup(far), /The limit lies far beyond: 99\./u);
  });
});
