import assert from "node:assert/strict";
import { test } from "node:test";
import { MpoError } from "@mpo/core";
import fc from "fast-check";
import { loadDefinitions } from "./load.ts";
import { ADMIN_SERVICE, FLEET_SERVICE } from "./services.ts";
import { BAD_WIRE_VALUES, placesOf } from "./test-support/bad-values.ts";
import { fieldsOf } from "./test-support/descriptors.ts";
import { CODEC_CASES } from "./test-support/method-arbitraries.ts";

/** Enough to reach every branch of every arbitrary; each run takes a fresh seed and prints it when it fails. */
const RUNS = { numRuns: 40 };

for (const { codec, values } of CODEC_CASES) {
  const name = codec.field.messageName;

  void test(`${name}: every good value comes back as it was, from equal bytes`, () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = codec.toBytes(value);
        const back = codec.fromBytes(bytes);
        assert.deepStrictEqual(back, value);
        assert.deepEqual(codec.toBytes(back), bytes);
      }),
      RUNS,
    );
  });

  void test(`${name}: changed, cut and random bytes are refused or read, never anything else`, () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(values, edits, fc.nat(), fc.uint8Array({ maxLength: 300 }), (value, changes, cut, noise) => {
        const bytes = Uint8Array.from(codec.toBytes(value));
        for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
        for (const input of [bytes, bytes.subarray(0, cut % (bytes.length + 1)), noise]) readsOrRefuses(codec, input);
      }),
      RUNS,
    );
  });

  void test(`${name}: a bad value in any field is refused with the field's name`, () => {
    const [value] = fc.sample(values, { numRuns: 1, seed: 7 });
    // Through bytes, so that the sample has what proto-loader adds: defaults and empty lists.
    const wire = (): object => structuredWire(codec.typeName, codec.toBytes(value));
    let checked = 0;
    for (const { path, descriptor, isItem } of placesOf(name, wire())) {
      const isList = descriptor.label === "LABEL_REPEATED" && !isItem;
      const bad = isList ? BAD_WIRE_VALUES.LIST : BAD_WIRE_VALUES[descriptor.type];
      for (const replacement of bad) {
        const changed = replaced(wire(), path, replacement);
        assert.throws(
          () => codec.decode(changed),
          (thrown) => thrown instanceof MpoError && thrown.code === "invalid-data" && thrown.message.startsWith(name),
          `${name} ${path.join(".")} = ${String(replacement)}`,
        );
        checked++;
      }
    }
    assert.ok(checked > 0);
  });

  void test(`${name}: its rules and the proto file name the same fields, of the same types`, () => {
    const seen = new Set<string>();
    const compare = (field: typeof codec.field): void => {
      if (seen.has(field.messageName)) return;
      seen.add(field.messageName);
      const described = fieldsOf(field.messageName);
      assert.deepEqual(Object.keys(field.fields).toSorted(), described.map((one) => one.name).toSorted());
      for (const one of described) {
        const rule = field.fields[one.name];
        assert.equal(rule?.wireType, one.type, `${field.messageName}.${one.name}`);
        assert.equal(rule?.isRepeated, one.label === "LABEL_REPEATED", `${field.messageName}.${one.name}`);
        if (rule !== undefined && "messageName" in rule) {
          assert.equal(rule.messageName, one.typeName.split(".").at(-1));
          compare(rule as typeof codec.field);
        }
      }
    };
    compare(codec.field);
  });
}

void test("a message over its limit is refused before it is parsed, and not sent either", () => {
  for (const { codec } of CODEC_CASES) {
    assert.throws(() => codec.fromBytes(new Uint8Array(codec.maxBytes + 1)), {
      code: "invalid-data",
      message: new RegExp(`${codec.maxBytes + 1} bytes; expected at most ${codec.maxBytes}`, "u"),
    });
  }
});

void test("deeply nested unknown groups and endless lengths are refused, not followed", () => {
  const groups = new Uint8Array(60_000).fill(0xfb);
  const lengths = Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f);
  for (const { codec } of CODEC_CASES) for (const input of [groups, lengths]) readsOrRefuses(codec, input);
});

void test("every call of the proto files has its codecs, and no other", () => {
  for (const [service, methods] of [
    ["mpo.v1.FleetService", FLEET_SERVICE],
    ["mpo.v1.AdminService", ADMIN_SERVICE],
  ] as const) {
    const definition = Object.values(loadDefinitions()[service] as object) as readonly {
      readonly path: string;
      readonly requestStream: boolean;
      readonly responseStream: boolean;
      readonly requestType: { readonly type: { readonly name: string } };
      readonly responseType: { readonly type: { readonly name: string } };
    }[];
    const described = definition.map((one) => [
      one.path,
      one.requestStream,
      one.responseStream,
      one.requestType.type.name,
      one.responseType.type.name,
    ]);
    const ours = Object.values(methods).map((one) => [
      one.path,
      false,
      one.isStream,
      one.request.field.messageName,
      one.response.field.messageName,
    ]);
    assert.deepEqual(ours.toSorted(), described.toSorted());
    const tested = new Set(CODEC_CASES.map(({ codec }) => codec.typeName));
    for (const { request, response } of Object.values(methods)) {
      assert.ok(tested.has(request.typeName), request.typeName);
      assert.ok(tested.has(response.typeName), response.typeName);
    }
  }
});

function readsOrRefuses(codec: (typeof CODEC_CASES)[number]["codec"], input: Uint8Array): void {
  try {
    const value = codec.fromBytes(input);
    // What is read must be good enough to be written again.
    codec.encode(value);
  } catch (thrown) {
    assert.ok(thrown instanceof MpoError && thrown.code === "invalid-data", String(thrown));
  }
}

function structuredWire(typeName: string, bytes: Uint8Array): object {
  const definition = loadDefinitions()[typeName] as { readonly deserialize: (bytes: Buffer) => object };
  return definition.deserialize(Buffer.from(bytes));
}

/** The same object with another value at a path. */
function replaced(root: object, path: readonly (string | number)[], value: unknown): object {
  let place = root as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) place = place[key] as Record<string | number, unknown>;
  place[path.at(-1) as string | number] = value;
  return root;
}
