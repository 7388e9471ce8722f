import assert from "node:assert/strict";
import { test } from "node:test";
import { fact } from "@mpo/core";
import fc from "fast-check";
import { deviceIdentity } from "./messages/device.ts";
import { auditSubject, deviceKey, notifySubject, parseDeviceKey, priorKey } from "./subjects.ts";
import { valuesOf } from "./test-support/values.ts";

const PI = { tenant: "acme", device: "pi-4" };

void test("subjects are what they have always been: streams and permissions depend on them", () => {
  const key = "07.acme.pi-4";
  assert.equal(deviceKey(PI), key);
  assert.equal(notifySubject(PI), `dn.${key}`);
  assert.equal(priorKey("pi-4b", "resnet20"), "pi-4b.resnet20");
  assert.equal(auditSubject("acme", "config-pushed"), "au.acme.config-pushed");
});

void test("a device's key can be read back, and its subjects have no wildcard and no empty token", () => {
  fc.assert(
    fc.property(valuesOf(deviceIdentity), valuesOf(fact.name()), (identity, model) => {
      assert.deepEqual(parseDeviceKey(deviceKey(identity)), identity);
      for (const subject of [notifySubject(identity), priorKey(identity.device, model)]) {
        assert.match(subject, /^[A-Za-z0-9_$-]+(\.[A-Za-z0-9_-]+)+$/u);
      }
    }),
  );
});

void test("devices spread over all shards", () => {
  const shards = new Set(
    Array.from({ length: 5_000 }, (_, n) => deviceKey({ tenant: "acme", device: `device-${n}` }).slice(0, 3)),
  );
  assert.equal(shards.size, 256);
});

for (const bad of ["", "a.b", "a*", ">", "a b", "ä", "x".repeat(65), "__proto__", "toString", "a\n"]) {
  void test(`${JSON.stringify(bad.slice(0, 12))} becomes part of no subject`, () => {
    const refused = { code: "invalid-argument", message: /expected 1 to 64 characters/u };
    assert.throws(() => notifySubject({ tenant: "acme", device: bad }), refused);
    assert.throws(() => notifySubject({ tenant: bad, device: "pi" }), refused);
    assert.throws(() => priorKey(bad, "m"), refused);
    assert.throws(() => auditSubject("acme", bad), refused);
  });
}

void test("keys that are none, or lie in a foreign shard, are refused", () => {
  for (const key of [
    "",
    "07.acme",
    "ff.acme.pi-4",
    "07.acme.pi-4.x",
    "0x7.acme.pi-4",
    "07.acme.*",
    "x".repeat(10_000),
  ]) {
    assert.throws(() => parseDeviceKey(key), { code: "invalid-data", message: /is not a valid device key/u });
  }
});
