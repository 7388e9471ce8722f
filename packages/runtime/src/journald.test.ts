import assert from "node:assert/strict";
import { closeSync, fstatSync, openSync } from "node:fs";
import { describe, it } from "node:test";
import { MpoError } from "@mpo/core";
import { goesToJournal, withPriority } from "./journald.ts";
import { createLogger } from "./logger.ts";

describe("systemd's journal", () => {
  it("gets the priority of each line, and its own times only", () => {
    const lines: string[] = [];
    const logger = createLogger({ format: "text", isForJournal: true, write: (line) => void lines.push(line) });
    logger.info("probing", { model: "camera" });
    logger.error("failed", { err: new MpoError("unavailable", "no answer", { hint: "Start it." }) });
    assert.deepEqual(lines, [
      "<6>INFO  probing model=camera\n",
      "<3>ERROR failed: no answer (unavailable)\n<3>    hint: Start it.\n",
    ]);
  });

  it("gets whole JSON lines where they are wanted", () => {
    const lines: string[] = [];
    const logger = createLogger({ isForJournal: true, write: (line) => void lines.push(line) });
    logger.warn("hot", { celsius: 80 });
    const [line = ""] = lines;
    assert.equal(line.slice(0, 3), "<4>");
    assert.equal((JSON.parse(line.slice(3)) as { celsius: number }).celsius, 80);
  });

  it("leaves empty lines as they are", () => assert.equal(withPriority("a\n\nb\n", "fatal"), "<2>a\n\n<2>b\n"));

  it("is known by its stream, and by nothing else", () => {
    const descriptor = openSync("/dev/null", "w");
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    assert.equal(goesToJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, descriptor), true);
    for (const JOURNAL_STREAM of [undefined, "", `${dev}:1`, "x"]) {
      assert.equal(goesToJournal({ JOURNAL_STREAM }, descriptor), false);
    }
    closeSync(descriptor);
    assert.equal(goesToJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, descriptor), false);
  });
});
