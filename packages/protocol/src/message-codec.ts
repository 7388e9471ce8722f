import { MpoError } from "@mpo/core";
import type { MessageField } from "./composed-fields.ts";
import { messageType } from "./load.ts";

/**
 * One message of the wire, checked in both directions. Decoding throws `invalid-data`, encoding `invalid-argument`; both
 * name the field. Nothing else is ever thrown, whatever comes in.
 */
export interface MessageCodec<Value> {
  /** Full name, "mpo.v1.HelloRequest". */
  readonly typeName: string;
  /** Longest message in bytes; more is refused before it is parsed. */
  readonly maxBytes: number;
  readonly field: MessageField<Value>;
  /** From what proto-loader makes of a message. */
  decode(wire: unknown): Value;
  /** To what proto-loader takes. */
  encode(value: Value): object;
  fromBytes(bytes: Uint8Array): Value;
  toBytes(value: Value): Buffer;
}

/** The codec of a message that travels on its own. */
export function messageCodec<Value>(field: MessageField<Value>, maxBytes: number): MessageCodec<Value> {
  const typeName = `mpo.v1.${field.messageName}`;
  const decode = (wire: unknown): Value => field.decode(wire, field.messageName);
  const encode = (value: Value): object => {
    try {
      return field.encode(value, field.messageName) as object;
    } catch (thrown) {
      const error = MpoError.from(thrown, "invalid-argument");
      throw new MpoError("invalid-argument", error.message, { cause: thrown });
    }
  };
  return {
    typeName,
    maxBytes,
    field,
    decode,
    encode,
    fromBytes: (bytes) => {
      if (bytes.length > maxBytes) {
        const message = `${field.messageName} has ${bytes.length} bytes; expected at most ${maxBytes}`;
        throw new MpoError("invalid-data", message);
      }
      return decode(parse(typeName, bytes));
    },
    toBytes: (value) => {
      const bytes = messageType(typeName).serialize(encode(value));
      if (bytes.length > maxBytes) {
        const message = `${field.messageName} would have ${bytes.length} bytes; expected at most ${maxBytes}`;
        throw new MpoError("over-budget", message);
      }
      return bytes;
    },
  };
}

function parse(typeName: string, bytes: Uint8Array): object {
  const type = messageType(typeName);
  try {
    return type.deserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new MpoError("invalid-data", `the bytes are no ${typeName}: ${reason}`, { cause: thrown });
  }
}
