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
    listing.row(["pi-kitchen", 4]);
    listing.row(["a", 12]);
    assert.equal(text(), "", "the widths are not known yet");
    listing.end();
    assert.equal(text(), "device      steps\npi-kitchen  4\na           12\n");
  });

  it("prints nothing without rows, and nothing with --json", () => {
    const { text, terminal } = printed();
    createListing(terminal, ["device"]).end();
    const json = printed(["--json"]);
    const listing = createListing(json.terminal, ["device"]);
    listing.row(["a"]);
    listing.end();
    assert.deepEqual([text(), json.text()], ["", ""]);
  });

  it("takes time in proportion to its rows", () => {
    const { text, terminal } = printed();
    const listing = createListing(terminal, ["device", "state"]);
    const began = performance.now();
    for (let row = 0; row < 100_000; row++) listing.row([`pi-${row}`, "online"]);
    listing.end();
    assert.ok(performance.now() - began < 5_000);
    assert.equal(text().split("\n").length, 100_002);
  });
});
