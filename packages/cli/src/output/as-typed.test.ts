import assert from "node:assert/strict";
import { it } from "node:test";
import { asTypedIn } from "./as-typed.ts";
import { createTerminal } from "./terminal.ts";

void it("commands are shown as they have to be typed where they are shown", () => {
  const throughNpm = asTypedIn({ npm_lifecycle_event: "mpo" });
  assert.equal(throughNpm("See `mpo models`."), "See `npm run mpo -- models`.");
  assert.equal(throughNpm("Usage: mpo [options]"), "Usage: npm run mpo -- [options]");
  assert.equal(throughNpm("mpo agent --data /var/lib/mpo now"), "npm run mpo -- agent --data /var/lib/mpo now");
  for (const environment of [{}, { npm_lifecycle_event: "test" }]) {
    assert.equal(asTypedIn(environment)("next: mpo agent"), "next: mpo agent");
  }
});

void it("hints and next steps are shown as typed, results are left alone", () => {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) };
  const terminal = createTerminal(stream, stream, [], { npm_lifecycle_event: "mpo" });
  terminal.line("reason: mpo is slow");
  terminal.line("next: mpo devices list");
  terminal.complain("error (not-found): no device\nhint: mpo devices list");
  assert.deepEqual(written, [
    "reason: mpo is slow\n",
    "next: npm run mpo -- devices list\n",
    "error (not-found): no device\nhint: npm run mpo -- devices list\n",
  ]);
});
