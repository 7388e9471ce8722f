import assert from "node:assert/strict";
import { test } from "node:test";
import { earlierControl } from "./earlier-packages.mjs";

test("packages of an earlier version depend on each other in that version", () => {
  const text = "Package: mpo-agent\nVersion: 1.2.3\nDepends: mpo (= 1.2.3), mpo-engine (= 1.2.3), libc6 (>= 2.34)\n";
  const earlier = earlierControl(text);
  assert.match(earlier, /^Version: 1\.2\.3~earlier$/mu);
  assert.match(earlier, /mpo \(= 1\.2\.3~earlier\), mpo-engine \(= 1\.2\.3~earlier\), libc6 \(>= 2\.34\)/u);
});
