import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyHistory } from "./key-history.ts";

const at = (madeMs: number, answeredMs: number) => ({ madeMs, answeredMs });
const content = (mark: string) => ({ digest: mark, mark });

void test("calls that overlap may be answered in any order", () => {
  const history = new KeyHistory("key");
  history.written(at(0, 10), 4, content("a"));
  history.read(at(5, 30), 0);
  history.written(at(11, 30), 9, content("b"), 4);
  history.read(at(12, 13), 9, content("b"));
  history.read(at(12, 14), 4, content("a"));
  history.refused("c");
  assert.deepEqual(history.check(), []);
});

void test("what was known before a call was made must be in its answer", () => {
  const history = new KeyHistory("key");
  history.written(at(0, 10), 4, content("a"));
  history.read(at(11, 12), 0);
  history.written(at(13, 14), 4, content("a"));
  assert.deepEqual(history.check(), [
    "key: a read that was made 1 ms after 4 was known got 0",
    "key: a write that was made 3 ms after 4 was known got 4",
  ]);
});

void test("a read makes what it saw known", () => {
  const history = new KeyHistory("key");
  history.read(at(0, 5), 7, content("b"));
  history.read(at(6, 7), 4, content("a"));
  assert.equal(history.check().length, 1);
});

void test("nothing lies between what was compared and what was set", () => {
  const history = new KeyHistory("key");
  history.written(at(0, 90), 4, content("a"));
  history.written(at(0, 90), 6, content("c"), 4);
  assert.deepEqual(history.check(), []);
  history.seen(5, content("b"));
  assert.deepEqual(history.check(), ["key: 6 was set in the place of 4, and 5 lay between them"]);
});

void test("a place has one content, a write one place, and what is refused none", () => {
  const history = new KeyHistory("key");
  history.seen(4, content("a"));
  history.seen(4, { digest: "b" });
  history.seen(5, content("a"));
  history.refused("a");
  assert.deepEqual(history.check(), [
    "key: 4 was given twice, with other content",
    "key: a was written twice, as 4 and as 5",
    "key: a was refused, and is there as 5",
  ]);
});
