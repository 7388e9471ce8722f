import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createListing } from "./listing.ts";
import { createTerminal } from "./terminal.ts";

function printed(args: readonly string[] = []): {
  readonly text: () => string;
  readonly terminal: ReturnType<typeof createTerminal>;
} {
  const parts: string[] = [];
  const stream = { write: (more: string) => parts.push(more) };
  return { text: () => parts.join(""), terminal: createTerminal(stream, stream, args) };
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

  it("prints nothing without rows", () => {
    const { text, terminal } = printed();
    createListing(terminal, ["device"]).end();
    assert.equal(text(), "");
  });

  it("is an object a line with --json, and makes no cells", () => {
    const { text, terminal } = printed(["--json"]);
    const listing = createListing(terminal, ["device"]);
    const noCells = (): never => assert.fail("nobody reads them");
    listing.row({ device: "a" }, noCells);
    listing.row(undefined, noCells);
    listing.row({ device: "b" }, noCells);
    listing.end();
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
