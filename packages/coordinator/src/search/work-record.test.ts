import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { given } from "@mpo/core";
import { mayClaim } from "./work-record.ts";

const RULES = { name: "a", leaseMs: 1000, courtesyMs: 100 };

void describe("a piece of work", () => {
  const cases = [
    { what: "one's own, at once", owner: undefined, seenForMs: 0, isOwn: true, may: true },
    { what: "another's wish, not at once", owner: undefined, seenForMs: 50, isOwn: false, may: false },
    { what: "another's wish, after a while", owner: undefined, seenForMs: 100, isOwn: false, may: true },
    { what: "held by another", owner: "b", seenForMs: 999, isOwn: true, may: false },
    { what: "held by another for too long", owner: "b", seenForMs: 1000, isOwn: false, may: true },
    { what: "held by oneself, in an earlier life or at work", owner: "a", seenForMs: 1000, isOwn: true, may: false },
    { what: "held by oneself for very long", owner: "a", seenForMs: 2000, isOwn: true, may: true },
  ] as const;
  for (const { what, owner, seenForMs, isOwn, may } of cases) {
    void it(`${what}: ${may ? "taken" : "left"}`, () => {
      const work = { request: "r", actor: "x", attempts: 0, ...given({ owner }) };
      assert.equal(mayClaim({ work, seenForMs, isOwn }, RULES), may);
    });
  }
});
