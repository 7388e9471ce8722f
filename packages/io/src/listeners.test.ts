import assert from "node:assert/strict";
import { test } from "node:test";
import { Listeners } from "./listeners.ts";

void test("whoever listens hears each call, twice when added twice, until taken out", () => {
  const listeners = new Listeners<[string]>();
  const heard: string[] = [];
  const listener = (what: string): void => void heard.push(what);
  const takeOutFirst = listeners.add(listener);
  const takeOutSecond = listeners.add(listener);

  listeners.call("a");
  takeOutFirst();
  takeOutFirst();
  listeners.call("b");
  takeOutSecond();
  listeners.call("c");
  assert.deepEqual(heard, ["a", "a", "b"]);
});
