import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readPreauthorisations } from "./preauthorisations.ts";

const KEY = "ab".repeat(32);
const OTHER = "cd".repeat(32);

describe("a file of devices that may come", () => {
  it("has a device a line, as cells or as JSON", () => {
    const text = [
      "name,key,labels",
      "# the north hall",
      `pi-1, ${KEY.toUpperCase()} ,site=berlin,rack=`,
      "",
      `{"name":"pi-2","key":"${OTHER}","labels":{"site":"a=b"}}`,
    ].join("\r\n");
    assert.deepEqual(readPreauthorisations(text, "keys.csv"), [
      {
        name: "pi-1",
        keyDigest: KEY,
        labels: [
          { name: "site", value: "berlin" },
          { name: "rack", value: "" },
        ],
      },
      { name: "pi-2", keyDigest: OTHER, labels: [{ name: "site", value: "a=b" }] },
    ]);
  });

  it("is refused with all its mistakes at once, by line", () => {
    const text = [
      `pi-1,${KEY}`,
      "pi 2,abc",
      `pi-1,${OTHER}`,
      `pi-3,${KEY}`,
      "pi-4",
      `pi-5,${"ef".repeat(32)},berlin`,
      "{not json}",
      '{"name":"pi-6"}',
      `{"name":"pi-7","key":"${"01".repeat(32)}","labels":{"site":7}}`,
      `pi-8,${"02".repeat(32)},a b=c`,
    ].join("\n");
    assert.throws(
      () => readPreauthorisations(text, "keys.csv"),
      (thrown: Error & { readonly code?: string }) => {
        assert.equal(thrown.code, "invalid-data");
        assert.deepEqual(thrown.message.split("\n  "), [
          "keys.csv is not used:",
          'line 2: "pi 2" is no name; expected 1 to 64 characters of A-Z a-z 0-9 _ -',
          'line 3: "pi-1" is named twice',
          'line 4: "pi-3" has the key of line 1',
          'line 5: the key of "pi-4" is not one; expected 64 hexadecimal digits',
          'line 6: "berlin" is not a label; expected NAME=VALUE',
          "line 7: it is not valid JSON",
          'line 8: expected "name" and "key"',
          'line 9: "labels" is not an object of names and texts',
          'line 10: "a b" is no label; expected NAME=VALUE',
        ]);
        return true;
      },
    );
    assert.throws(() => readPreauthorisations("\n# nothing\n", "x"), { message: /names no device/u });
    assert.throws(() => readPreauthorisations("!\n".repeat(50), "x"), { message: /line 20: .*\n {2}and 30 more$/su });
  });
});
