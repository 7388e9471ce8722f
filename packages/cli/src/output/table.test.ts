import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRandom } from "@mpo/datasets";
import { createTable } from "./table.ts";
import { createTerminal } from "./terminal.ts";

const terminal = createTerminal({ write: () => true }, { write: () => true }, []);

describe("a table", () => {
  it("fits 80 columns and loses no letter, whatever stands in it", () => {
    for (let seed = 0; seed < 100; seed++) {
      const random = createRandom(seed);
      const word = (): string =>
        Array.from({ length: 1 + random.integer(40) }, () => "ab1/"[random.integer(4)]).join("");
      const cell = (): string => Array.from({ length: random.integer(5) }, word).join(" \n"[random.integer(2)]);
      const columns = 2 + random.integer(5);
      const row = (): string[] => Array.from({ length: random.uniform() < 0.2 ? 1 : columns }, cell);
      const head = Array.from({ length: columns }, cell);
      const rows = Array.from({ length: random.integer(6) }, row);
      const table = createTable(terminal, head);
      table.push(...rows);
      const text = table.toString();
      for (const line of text.split("\n")) assert.ok(line.length <= 80, `${seed}: ${line}`);
      const letters = (all: string): string => [...all.replaceAll(/[^ab1/]/gu, "")].toSorted().join("");
      assert.equal(letters(text), letters([head, ...rows].flat().join("")), String(seed));
    }
  });

  it("wraps between words, and has lines between rows only where rows have several", () => {
    const table = createTable(terminal, ["what", "why"]);
    table.push(["memory", "a ".repeat(50).trim()]);
    const [, , , first, second] = table.toString().split("\n");
    assert.deepEqual([first?.trimEnd().endsWith("a │"), second?.startsWith("│        │ a a")], [true, true]);
    const single = createTable(terminal, ["what", "why"]);
    single.push(["memory", 1], ["time", 2]);
    assert.equal(single.toString().split("\n").length, 6);
    table.push(["time", "b"]);
    assert.equal(table.toString().match(/├/gu)?.length, 2);
  });

  it("cuts no word while another column has room to give", () => {
    const table = createTable(terminal, ["percentile", "candidates", "why"]);
    table.push(["1", "2", "b ".repeat(200).trim()], ["c".repeat(30), "d".repeat(25), "e"]);
    const text = table.toString();
    for (const word of ["percentile", "candidates", "c".repeat(30), "d".repeat(25)])
      assert.ok(text.includes(word), word);
    for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  });

  it("has a bold head on a screen, and no escape code under NO_COLOR", () => {
    const heads = ["", "1"].map((NO_COLOR) => {
      const screen = { write: () => true, isTTY: true };
      return createTable(createTerminal(screen, screen, [], { NO_COLOR }), ["what"]).toString();
    });
    assert.deepEqual(
      heads.map((head) => head.includes("\u001b")),
      [true, false],
    );
  });

  it("is as wide as a wider screen allows", () => {
    const wide = createTerminal({ write: () => true, isTTY: true, columns: 200 }, { write: () => true }, [], {
      NO_COLOR: "1",
    });
    const table = createTable(wide, ["what"]);
    table.push(["a ".repeat(80).trim()]);
    assert.equal(table.toString().split("\n").length, 5);
  });
});
