import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { html, trusted } from "./html.ts";

describe("html``", () => {
  it("escapes what is put into it, in text and in attributes", () => {
    const hostile = `</b><script>"it's" & more</script>`;
    const escaped = "&lt;/b&gt;&lt;script&gt;&quot;it&#39;s&quot; &amp; more&lt;/script&gt;";
    assert.equal(html`<b title="${hostile}">${hostile}</b>`.text, `<b title="${escaped}">${escaped}</b>`);
  });

  it("leaves markup as it is, and joins lists", () => {
    const items = ["<", 1].map((item) => html`<li>${item}</li>`);
    assert.equal(html`<ul>${items}</ul>${trusted("<hr>")}`.text, "<ul><li>&lt;</li><li>1</li></ul><hr>");
  });
});
