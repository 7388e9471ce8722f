import { checked, type Fact, fact, MpoError } from "@mpo/core";

/** Raised when a record's form changes in a way that an older coordinator cannot read. */
const RECORD_VERSION = 2;

type Schema = ReturnType<typeof fact.object>;

/** How records of one kind lie in the store: JSON with the kind and the version of its form, checked both ways. */
export interface RecordForm<Value> {
  toBytes(value: Value): Uint8Array;
  /** Throws `invalid-data` when the bytes are no record of this kind. */
  fromBytes(bytes: Uint8Array): Value;
}

export function recordForm<Record extends Schema>(kind: string, schema: Record): RecordForm<Fact<Record>> {
  return {
    toBytes: (value) =>
      Buffer.from(JSON.stringify({ kind, version: RECORD_VERSION, value: checked(schema, value, kind, "internal") })),
    fromBytes: (bytes) => {
      const found = parsed(kind, bytes);
      if (found.kind === kind && found.version === RECORD_VERSION) return checked(schema, found.value, kind);
      throw new MpoError(
        "invalid-data",
        `the store holds a ${String(found.kind)} of version ${String(found.version)}; expected a ${kind} of version ${RECORD_VERSION}`,
        { hint: "Use the coordinator that wrote this store, or begin with an empty one." },
      );
    },
  };
}

function parsed(kind: string, bytes: Uint8Array): Partial<Record<"kind" | "version" | "value", unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Reported below: what is wrong with the bytes does not help anybody.
  }
  throw new MpoError("invalid-data", `a ${kind} in the store cannot be read (${bytes.length} bytes)`, {
    hint: "The store is damaged: restore it from a backup.",
  });
}

const MAX_PACKED = 1_048_576;
/** Bytes within a record, as text. */
export const packedBytes: ReturnType<typeof fact.text> = fact.text(0, MAX_PACKED);

/** Bytes within a record. */
export function packed(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/** Reads what `packed` made. */
export function unpacked(text: string): Uint8Array {
  return Buffer.from(text, "base64");
}
