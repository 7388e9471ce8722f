import type { DescribedClass } from "@mpo/datasets";
import { html, trusted } from "../report/html.ts";

const STYLE =
  "body{font:14px sans-serif;margin:2em}th{text-align:left;padding-right:1em;font-weight:normal}" +
  "img{width:64px;height:64px;margin:2px;image-rendering:pixelated}";

/** A page with the samples of each class, complete in itself. */
export function contactSheet(path: string, classes: readonly DescribedClass[]): string {
  const rows = classes.map(({ part, name, images, samples }) => {
    const pictures = samples.map(
      (png) => html`<img alt="" src="data:image/png;base64,${Buffer.from(png).toString("base64")}">`,
    );
    return html`<tr><th>${part}</th><th>${name}</th><th>${images}</th><td>${pictures}</td></tr>\n`;
  });
  return html`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${path}</title><style>${trusted(STYLE)}</style></head>
<body><h1>${path}</h1><table>${rows}</table></body></html>
`.text;
}
