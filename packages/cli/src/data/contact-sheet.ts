import type { DescribedClass } from "@mpo/datasets";

const STYLE =
  "body{font:14px sans-serif;margin:2em}th{text-align:left;padding-right:1em;font-weight:normal}" +
  "img{width:64px;height:64px;margin:2px;image-rendering:pixelated}";
const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** A page with the samples of each class, complete in itself. */
export function contactSheet(path: string, classes: readonly DescribedClass[]): string {
  const rows = classes.map(({ part, name, images, samples }) => {
    const pictures = samples.map(
      (png) => `<img alt="" src="data:image/png;base64,${Buffer.from(png).toString("base64")}">`,
    );
    return `<tr><th>${escaped(part)}</th><th>${escaped(name)}</th><th>${images}</th><td>${pictures.join("")}</td></tr>`;
  });
  const title = escaped(path);
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style></head>` +
    `<body><h1>${title}</h1><table>${rows.join("\n")}</table></body></html>\n`
  );
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/gu, (sign) => ENTITIES[sign] ?? sign);
}
