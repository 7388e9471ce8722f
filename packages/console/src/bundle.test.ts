import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { CONSOLE_FOLDER } from "./index.ts";

/** What a page may weigh on its way, compressed. */
const MOST_BYTES = 60_000;
/** The reader of YAML, which comes only with a file that was written by hand. */
const MOST_LATER_BYTES = 35_000;
const skip = existsSync(CONSOLE_FOLDER) ? false : "it is not built: npm run build";

void describe("the built page", { skip }, () => {
  const assets = (): readonly string[] => readdirSync(join(CONSOLE_FOLDER, "assets"));
  const weigh = (name: string): number =>
    gzipSync(readFileSync(join(CONSOLE_FOLDER, "assets", name)), { level: 9 }).length;

  it("is small", () => {
    const isLater = (name: string): boolean => name.startsWith("read-yaml-");
    const sum = (names: readonly string[]): number => names.reduce((total, name) => total + weigh(name), 0);
    assert.ok(sum(assets().filter((name) => !isLater(name))) <= MOST_BYTES);
    assert.ok(sum(assets().filter(isLater)) <= MOST_LATER_BYTES);
  });

  it("has no script or style of its own in the page, and fetches nothing from elsewhere", () => {
    const page = readFileSync(join(CONSOLE_FOLDER, "index.html"), "utf8");
    assert.doesNotMatch(page, /<script(?![^>]*\bsrc="\/assets\/)|<style|\sstyle=|\son\w+=/u);
    for (const [, address] of page.matchAll(/(?:src|href)="([^"]*)"/gu))
      assert.match(address ?? "", /^(?:\/assets\/|data:)/u);
    for (const name of assets().filter((one) => one.endsWith(".css")))
      assert.doesNotMatch(readFileSync(join(CONSOLE_FOLDER, "assets", name), "utf8"), /url\(|@import/u);
  });
});
