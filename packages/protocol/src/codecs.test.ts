import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceDefinition } from "@grpc/proto-loader";
import { fact, MpoError } from "@mpo/core";
import fc from "fast-check";
import protobuf from "protobufjs";
import type * as z from "zod";
import { LIMITS } from "./limits.ts";
import { objectMapping, plainSchema } from "./mapping.ts";
import type { MessageCodec } from "./message-codec.ts";
import { listDevicesResponse } from "./messages/admin.ts";
import { documentStatus, type ReportStatusRequest, reportStatusRequest } from "./messages/report.ts";
import { protoMessage, protos } from "./protos.ts";
import { ADMIN_SERVICE, FLEET_SERVICE } from "./services.ts";
import { pathsIn, placesOf, replaced } from "./test-support/bad-values.ts";
import { CODEC_CASES } from "./test-support/codec-cases.ts";
import { largestOf } from "./test-support/largest.ts";
import { valuesOf } from "./test-support/values.ts";

/** Enough to reach every branch of every arbitrary; each run takes a fresh seed and prints it when it fails. */
const RUNS = { numRuns: 40 };

for (const { codec, values } of CODEC_CASES) {
  const { messageName: name } = codec;
  const refused = (code: string) => (thrown: unknown) =>
    thrown instanceof MpoError && thrown.code === code && thrown.message.startsWith(name);

  void test(`${name}: every good value comes back as it was, from equal bytes`, () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = codec.toBytes(value);
        const back = codec.fromBytes(bytes);
        assert.deepStrictEqual(back, value);
        // A copy: some codecs know the bytes of what they have read.
        assert.deepEqual(codec.toBytes(structuredClone(back)), bytes);
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

  void test(`${name}: a bad value in any field that comes in is refused with the message's name`, () => {
    const [value] = fc.sample(values, { numRuns: 1, seed: 7 });
    const type = protoMessage(name);
    const wire = type.decode(codec.toBytes(value));
    let checked = 0;
    for (const { path, bad } of placesOf(type, wire)) {
      for (const replacement of bad) {
        const changed = replaced(wire, path, replacement);
        assert.throws(
          () => codec.decode(changed),
          refused("invalid-data"),
          `${name} ${path.join(".")} = ${String(replacement)}`,
        );
        checked++;
      }
    }
    assert.equal(checked > 0, Object.keys(type.fields).length > 0);
  });

  void test(`${name}: a bad value in any field is not sent`, () => {
    for (const value of fc.sample(values, { numRuns: 1, seed: 8 })) {
      for (const path of pathsIn(value)) {
        for (const bad of [{}, null, Number.NaN, -1e300, "\u0000", Symbol.iterator, () => 1]) {
          const changed = replaced(value as object, path, bad);
          assert.throws(() => codec.toBytes(changed), refused("invalid-argument"), `${name} ${path.join(".")}`);
        }
      }
    }
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

void test("a device, and the longest pages of profiles and events, fit a message", (t) => {
  const { listDevices, listEvents, listProfiles } = ADMIN_SERVICE;
  const { element } = plainSchema(listDevicesResponse.shape.devices) as z.ZodArray<z.ZodType>;
  const device = { devices: [largestOf(element)], serverTimeMs: 0 };
  const [events, profiles] = [listEvents, listProfiles].map(({ response }) => largestOf(response.schema));
  // Longer ones are refused.
  const sizes = [
    listDevices.response.toBytes(device as never),
    listEvents.response.toBytes(events as never),
    listProfiles.response.toBytes(profiles as never),
  ].map(({ length }) => length);
  t.diagnostic(`bytes of a device, 1000 events and 1000 profiles: ${sizes.join(", ")}`);
  assert.ok(Math.max(...sizes) <= LIMITS.adminMessageBytes);
});

void test("a report goes on as the bytes that came, with what only a newer release knows", () => {
  const { request } = FLEET_SERVICE.reportStatus;
  const [value] = fc.sample(valuesOf(reportStatusRequest), { numRuns: 1, seed: 9 }) as [ReportStatusRequest];
  const sent = Buffer.concat([request.toBytes(value), Uint8Array.of(((99 << 3) & 127) | 128, (99 << 3) >> 7, 5)]);
  const read = request.fromBytes(sent);
  assert.deepEqual(read, value);
  assert.ok(request.toBytes(read).equals(sent));
  assert.ok(request.toBytes({ ...read }).equals(request.toBytes(value)));
});

void test("deeply nested unknown groups and endless lengths are refused, not followed", () => {
  const groups = new Uint8Array(60_000).fill(0xfb);
  const lengths = Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f);
  for (const { codec } of CODEC_CASES) for (const input of [groups, lengths]) readsOrRefuses(codec, input);
});

void test("a message of nothing but empty items is refused at once", () => {
  const { request } = FLEET_SERVICE.reportProfile;
  // 100,000 empty samples of a profile's unit times.
  const samples = Buffer.alloc(200_000);
  for (let at = 0; at < samples.length; at += 2) samples[at] = (9 << 3) | 2;
  const length = Buffer.from([
    (4 << 3) | 2,
    (samples.length & 127) | 128,
    ((samples.length >> 7) & 127) | 128,
    samples.length >> 14,
  ]);
  const beganMs = performance.now();
  assert.throws(() => request.fromBytes(Buffer.concat([length, samples])), { code: "invalid-data" });
  assert.ok(performance.now() - beganMs < 1_000);
});

void test("schemas and proto files have the same fields, of the same types", () => {
  for (const { codec } of CODEC_CASES) objectMapping(codec.schema as z.ZodObject, protoMessage(codec.messageName));
  const { name, object, text, whole, word } = fact;
  const label = { name: name(), value: text(0, 1) };
  const bad: readonly (readonly [string, z.ZodObject, RegExp])[] = [
    ["Label", object({ name: name() }), /Label\.value is not in the schema/u],
    ["Label", object({ ...label, more: name() }), /Label\.more is not in the proto files/u],
    ["Label", object({ ...label, value: whole() }), /value is a string in the proto files, and a number/u],
    ["UniformSegments", object({ segments: whole(0, 2 ** 32) }), /segments is a uint32/u],
    ["KeepAll", object({ kind: word(["none"]) }), /kind is not in the proto files/u],
    ["RejectedRung", object({ rung: name(), reason: name() }), /rung is a Rung/u],
  ];
  for (const [message, schema, says] of bad) {
    assert.throws(() => objectMapping(schema, protoMessage(message)), { code: "internal", message: says });
  }
  const fewer = object({ ...documentStatus.shape, state: word(["accepted", "applied"]) });
  assert.throws(() => objectMapping(fewer, protoMessage("DocumentStatus")), {
    message: /DocumentState has values that the schema lacks/u,
  });
});

void test("every message of the proto files travels, or is part of one that does", () => {
  const reached = new Set<string>();
  const reach = (name: string): void => {
    if (reached.has(name)) return;
    reached.add(name);
    for (const { resolvedType } of protoMessage(name).fieldsArray)
      if (resolvedType !== null && "fields" in resolvedType) reach(resolvedType.name);
  };
  for (const { codec } of CODEC_CASES) reach(codec.messageName);
  const { nestedArray } = protos().root.lookup("mpo.v1") as protobuf.Namespace;
  const all = nestedArray.filter((one) => one instanceof protobuf.Type);
  assert.deepEqual([...reached].toSorted(), all.map(({ name }) => name).toSorted());
});

void test("every call of the proto files has its codecs, and no other", () => {
  for (const [service, methods] of [
    ["FleetService", FLEET_SERVICE],
    ["AdminService", ADMIN_SERVICE],
  ] as const) {
    const definition = protos().definitions[`mpo.v1.${service}`] as ServiceDefinition;
    const described = Object.values(definition).map(({ path, requestStream, responseStream, ...types }) => [
      path,
      requestStream,
      responseStream,
      (types.requestType.type as protobuf.Type).name,
      (types.responseType.type as protobuf.Type).name,
    ]);
    const ours = Object.values(methods).map((one) => [
      one.path,
      false,
      one.isStream,
      one.request.messageName,
      one.response.messageName,
    ]);
    assert.deepEqual(ours.toSorted(), described.toSorted());
  }
});

function readsOrRefuses(codec: MessageCodec<unknown>, input: Uint8Array): void {
  try {
    const value = codec.fromBytes(input);
    // What is read must be good enough to be written again.
    codec.toBytes(structuredClone(value));
  } catch (thrown) {
    assert.ok(thrown instanceof MpoError && thrown.code === "invalid-data", String(thrown));
  }
}
