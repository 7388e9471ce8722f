import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pageOf } from "./page.ts";

test("the pages together are all items once, sorted, whatever their order", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string()), fc.integer({ min: 1, max: 7 }), (items, pageSize) => {
      const found: string[] = [];
      for (let pageToken: string | undefined, isLast = false; !isLast; isLast = pageToken === undefined) {
        const page = pageOf(items, (item) => item, { pageSize, pageToken });
        assert.ok(page.items.length === pageSize || page.nextPageToken === undefined);
        found.push(...page.items);
        pageToken = page.nextPageToken;
      }
      assert.deepEqual(found, [...items].sort());
    }),
  );
});
