import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import protobuf from "protobufjs";
import { messageCodec } from "./message-codec.ts";
import { conditions } from "./messages/device.ts";
import { heartbeatRequest, helloRequest } from "./messages/link.ts";
import { protoMessage } from "./protos.ts";
import { CODEC_CASES } from "./test-support/codec-cases.ts";
import { valuesOf } from "./test-support/values.ts";

/** Fields of a later release, one of each form on the wire. */
function laterFields(): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32((1000 << 3) | 0).uint32(7);
  writer.uint32((1001 << 3) | 1).double(0.5);
  writer.uint32((1002 << 3) | 2).string("later");
  writer.uint32((1003 << 3) | 5).fixed32(9);
  return writer.finish();
}

for (const { codec, values } of CODEC_CASES) {
  void test(`${codec.messageName}: fields that only a later release knows are left out`, () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = Buffer.concat([codec.toBytes(value), laterFields()]);
        // A document's bytes are signed: with more in them they are another document.
        let read: unknown;
        try {
          read = codec.fromBytes(bytes);
        } catch (thrown) {
          assert.match(String(thrown), /longer|bytes/u);
          return;
        }
        assert.deepEqual(read, value);
      }),
      { numRuns: 10 },
    );
  });
}

void test("a condition of a later release is read as another one, with its words", () => {
  const codec = messageCodec("HeartbeatRequest", heartbeatRequest, 65_536);
  const [value] = fc.sample(valuesOf(heartbeatRequest), 1);
  assert.ok(value);
  const sent = { ...value, conditions: [{ code: "throttled", sinceMs: 5, message: "the fan stands still" } as const] };
  const type = protoMessage("HeartbeatRequest");
  const wire = type.decode(codec.toBytes(sent)) as unknown as { conditions: { code: number }[] };
  (wire.conditions[0] as { code: number }).code = 42;
  const read = codec.fromBytes(type.encode(wire as never).finish());
  assert.deepEqual(read.conditions, [{ code: "other", sinceMs: 5, message: "the fan stands still" }]);
  assert.equal(conditions.safeParse(read.conditions).success, true);
});

void test("any other word of a later release is refused with its field", () => {
  const codec = messageCodec("HelloRequest", helloRequest, 1_048_576);
  const [value] = fc.sample(valuesOf(helloRequest), 1);
  assert.ok(value);
  const sent = { ...value, doing: { kind: "probe", model: "a", untilMs: 5 } as const };
  const type = protoMessage("HelloRequest");
  const wire = type.decode(codec.toBytes(sent)) as unknown as { doing: { kind: number } };
  wire.doing.kind = 42;
  assert.throws(() => codec.fromBytes(type.encode(wire as never).finish()), {
    code: "invalid-data",
    message: /HelloRequest.*doing.*kind is 42; expected/u,
  });
});
