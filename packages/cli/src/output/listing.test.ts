import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createListing } from "./listing.ts";
import { createTerminal } from "./terminal.ts";

function printed(
  args: readonly string[] = [],
  screen: { readonly isTTY?: boolean; readonly columns?: number } = {},
): {
  readonly text: () => string;
  readonly terminal: ReturnType<typeof createTerminal>;
} {
  const parts: string[] = [];
  const stream = { write: (more: string) => parts.push(more) };
  const terminal = createTerminal({ ...stream, ...screen }, stream, args, { NO_COLOR: "1" });
  return { text: () => parts.join(""), terminal };
}

describe("a listing", () => {
  it("is as wide as what stands in it", () => {
    const { text, terminal } = printed();
    const listing = createListing(terminal, ["device", "steps"]);
    listing.row({}, () => ["pi-kitchen", 4]);
    listing.row({}, () => ["a", 12]);
    assert.equal(text(), "", "the widths are not known yet");
    listing.end();
    assert.equal(text(), "device      steps\npi-kitchen  4\na           12\n");
  });

  it("takes several lines a row where the screen is narrower, and one where there is none", () => {
    const cells = ["pi-kitchen", "a rather long state", "site=berlin"];
    const narrow = printed([], { isTTY: true, columns: 33 });
    const piped = printed();
    for (const { terminal } of [narrow, piped]) {
      const listing = createListing(terminal, ["device", "state", "labels"]);
      listing.row({}, () => cells);
      listing.row({}, () => ["pi-2", "online", ""]);
      listing.end();
    }
    assert.equal(
      narrow.text(),
      "device      state\n  labels\npi-kitchen  a rather long state\n  site=berlin\npi-2        online\n",
    );
    assert.equal(piped.text().split("\n")[1], cells.join("  "));
  });

  it("prints nothing without rows", () => {
    const { text, terminal } = printed();
    assert.equal(createListing(terminal, ["device"]).end(), 0);
    assert.equal(text(), "");
  });

  it("is an object a line with --json, and makes no cells", () => {
    const { text, terminal } = printed(["--json"]);
    const listing = createListing(terminal, ["device"]);
    const noCells = (): never => assert.fail("nobody reads them");
    listing.row({ device: "a" }, noCells);
    listing.row(undefined, noCells);
    listing.row({ device: "b" }, noCells);
    assert.equal(listing.end(), 3, "rows, also those that are for people alone");
    assert.equal(text(), '{"device":"a"}\n{"device":"b"}\n');
  });

  it("prints a first part as soon as its widths are known, and moves what is wider later", () => {
    const { text, terminal } = printed();
    const listing = createListing(terminal, ["device", "state"]);
    for (let row = 0; row < 500; row++) listing.row({}, () => ["pi", "online"]);
    assert.equal(text().split("\n").length, 502);
    listing.row({}, () => ["pi-kitchen", "online"]);
    listing.end();
    assert.ok(text().endsWith("pi      online\npi-kitchen  online\n"), "the head is printed once");
  });

  it("takes time in proportion to its rows", () => {
    const { text, terminal } = printed();
    const listing = createListing(terminal, ["device", "state"]);
    const began = performance.now();
    for (let row = 0; row < 100_000; row++) listing.row({}, () => [`pi-${row}`, "online"]);
    listing.end();
    assert.ok(performance.now() - began < 5_000);
    assert.equal(text().split("\n").length, 100_002);
  });
});
