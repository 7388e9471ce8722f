import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runCommand } from "@mpo/cli/testing";
import { type DefaultTreeAdapterTypes, type ParserError, parse } from "parse5";

type Node = DefaultTreeAdapterTypes.Node;
type Element = DefaultTreeAdapterTypes.Element;

const HOSTILE = `</title><script>alert(1)</script><img src=x onerror="alert(2)">&`;
const LIMITS = ["--memory", "12MiB", "--window", "5s"];

function elementsOf(node: Node): readonly Element[] {
  const own = "tagName" in node ? [node] : [];
  return [...own, ...("childNodes" in node ? node.childNodes.flatMap((child) => elementsOf(child)) : [])];
}

function textOf(node: Node): string {
  if ("value" in node && node.nodeName === "#text") return node.value;
  return "childNodes" in node ? node.childNodes.map((child) => textOf(child)).join("") : "";
}

describe("mpo report", () => {
  let folder: string;
  let profile: string;
  let page: string;
  let elements: readonly Element[];
  /** A busy machine may have left no time for any. */
  let curves = 0;
  const errors: ParserError[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mpo-report-"));
    profile = join(folder, "profile.json");
    const weights = new URL("../../../cli/models/resnet20-gn", import.meta.url).pathname;
    const task = [
      "--dataset",
      "fashion-mnist",
      "--corruption",
      "fog",
      "--samples",
      "64",
      "--judge-samples",
      "64",
      "--batch",
      "32",
    ];
    const probe = (time: string): ReturnType<typeof runCommand> =>
      runCommand(["probe", "--weights", weights, ...task, "--probe-time", time, "-o", profile]);
    let probed = await probe("30s");
    // Too short on a very busy machine.
    if (probed.code !== 0) probed = await probe("3min");
    assert.equal(probed.code, 0, probed.stderr);
    const document = JSON.parse(await readFile(profile, "utf8"));
    curves = document.profile.accuracy.length;
    document.profile.software = { engine: HOSTILE, library: HOSTILE };
    await writeFile(profile, JSON.stringify(document));
    const output = join(folder, "report.html");
    const { code, stderr } = await runCommand(["report", profile, ...LIMITS, "-o", output, "--json"]);
    assert.equal(code, 0, stderr);
    page = await readFile(output, "utf8");
    elements = elementsOf(parse(page, { onParseError: (error) => errors.push(error) }));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const named = (name: string): readonly Element[] => elements.filter(({ tagName }) => tagName === name);

  it("is HTML without a single error", () => {
    assert.deepEqual(errors, []);
  });

  it("needs nothing from elsewhere and runs nothing", () => {
    for (const name of ["script", "link", "img", "iframe", "object"]) assert.deepEqual(named(name), []);
    for (const { tagName, attrs } of elements) {
      for (const { name, value } of attrs) {
        assert.ok(!name.startsWith("on"), `${tagName} ${name}`);
        assert.ok(!["src", "href", "xlink:href"].includes(name), `${tagName} ${name}="${value}"`);
      }
    }
    assert.ok(!/url\(|@import/u.test(page));
  });

  it("shows hostile text as text", () => {
    const footer = textOf(named("footer")[0] as Element);
    assert.equal(footer.split(HOSTILE).length, 3, footer);
  });

  it("draws every picture, with marks in it", () => {
    const figures = named("figure");
    assert.equal(figures.length, 7);
    for (const figure of figures) {
      const title = textOf(elementsOf(figure).find(({ tagName }) => tagName === "h3") as Element);
      const shapes = elementsOf(figure).filter(({ tagName }) => ["path", "rect", "circle"].includes(tagName));
      const isEmpty = title === "Learning curves" && curves === 0;
      assert.equal(shapes.length > 2, !isEmpty, `${title}: ${shapes.length} shapes`);
      assert.ok(
        elementsOf(figure).some(({ tagName }) => tagName === "table"),
        title,
      );
      assert.doesNotMatch(textOf(figure), /NaN|\de[+-]\d/u, title);
    }
  });

  it("says why, and shows every policy", () => {
    const text = textOf(named("body")[0] as Element);
    for (const word of ["plain", "micro-batch only", "freezing only", "checkpointing only", "joint", "runner-up"]) {
      assert.ok(text.includes(word), word);
    }
    assert.match(text, /\d+ configurations were predicted/u);
    assert.match(text, /does not fit: the model stays as it is/u);
  });

  it("writes nothing when nothing fits", async () => {
    const output = join(folder, "none.html");
    const { code, stderr } = await runCommand(["report", profile, "--memory", "1KiB", "--window", "5s", "-o", output]);
    assert.equal(code, 5);
    assert.match(stderr, /error \(over-budget\): no configuration fits 1 KiB/u);
    await assert.rejects(stat(output), { code: "ENOENT" });
  });
});
