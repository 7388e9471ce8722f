import { checked, type Fact, MpoError } from "@mpo/core";
import type protobuf from "protobufjs";
import type * as z from "zod";
import { type Mapping, objectMapping } from "./mapping.ts";
import { protoMessage } from "./protos.ts";

/**
 * One message of the wire, checked in both directions. Decoding throws `invalid-data`, encoding `invalid-argument`; both
 * name the field. Nothing else is ever thrown, whatever comes in.
 */
export interface MessageCodec<Value> {
  /** Name in the proto files, without the package. */
  readonly messageName: string;
  /** Longest message in bytes; more is refused before it is parsed. */
  readonly maxBytes: number;
  readonly schema: z.ZodType;
  fromBytes(bytes: Uint8Array): Value;
  toBytes(value: Value): Buffer;
  /** From what protobufjs makes of a message. */
  decode(wire: unknown): Value;
}

/**
 * The codec of a message that travels on its own. With `keepsBytes`, a value that came as bytes, or went out as some,
 * goes out as these bytes again: what is stored and sent on is neither encoded twice nor robbed of fields that only a
 * newer release knows.
 */
export function messageCodec<Schema extends z.ZodObject>(
  messageName: string,
  schema: Schema,
  maxBytes: number,
  { keepsBytes = false }: { readonly keepsBytes?: boolean } = {},
): MessageCodec<Fact<Schema>> {
  const bytesOf = new WeakMap<object, Buffer>();
  const kept = (value: Fact<Schema>, bytes: Buffer): void => {
    if (keepsBytes) bytesOf.set(value as object, bytes);
  };
  let known: { readonly type: protobuf.Type; readonly mapping: Mapping } | undefined;
  // The proto files are read when the first message travels.
  const form = (): { readonly type: protobuf.Type; readonly mapping: Mapping } => {
    if (known !== undefined) return known;
    const type = protoMessage(messageName);
    known = { type, mapping: objectMapping(schema, type) };
    return known;
  };
  const decode = (wire: unknown): Fact<Schema> => checked(schema, form().mapping.fromWire(wire), messageName);
  return {
    messageName,
    maxBytes,
    schema,
    decode,
    fromBytes: (bytes) => {
      if (bytes.length > maxBytes) {
        const message = `${messageName} has ${bytes.length} bytes; expected at most ${maxBytes}`;
        throw new MpoError("invalid-data", message);
      }
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const value = decode(parsed(form().type, buffer));
      kept(value, buffer);
      return value;
    },
    toBytes: (value) => {
      const before = bytesOf.get(value as object);
      if (before !== undefined) return before;
      const { type, mapping } = form();
      const wire = mapping.toWire(checked(schema, value, messageName, "invalid-argument") as never);
      const bytes = type.encode(wire as object).finish() as Buffer;
      if (bytes.length > maxBytes) {
        const message = `${messageName} would have ${bytes.length} bytes; expected at most ${maxBytes}`;
        throw new MpoError("over-budget", message);
      }
      kept(value, bytes);
      return bytes;
    },
  };
}

function parsed(type: protobuf.Type, bytes: Buffer): object {
  try {
    return type.decode(bytes);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new MpoError("invalid-data", `the bytes are not a valid ${type.name}: ${reason}`, { cause: thrown });
  }
}
