import assert from "node:assert/strict";
import { it } from "node:test";
import { parseFilter } from "@mpo/core";
import { filterText, whereOf } from "./select-devices.ts";

it("the options that choose devices are one filter", () => {
  const label = [{ name: "site", value: 'the "old" one' }];
  const cases: readonly (readonly [Parameters<typeof whereOf>[0], string | undefined])[] = [
    [{}, undefined],
    [{ retired: false }, undefined],
    [{ where: "gpu or drift" }, "gpu or drift"],
    [{ where: "gpu or drift", retired: true }, "(gpu or drift) and state = retired"],
    [
      { label, class: "pi-4", offlineFor: 60_000 },
      'label.site = "the \\"old\\" one" and class = "pi-4" and state != online and lastSeen >= 60000ms',
    ],
  ];
  for (const [options, where] of cases) {
    assert.equal(whereOf(options), where);
    if (where !== undefined) assert.doesNotThrow(() => parseFilter(where));
  }
});

it("a filter is on one line, and looked at before anybody is asked", () => {
  assert.equal(filterText("  gpu\n or name = 'a  b'\n"), "gpu  or name = 'a  b'");
  assert.throws(() => filterText("gpus"), { code: "invalid-argument" });
});
