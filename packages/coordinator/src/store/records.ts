import { MpoError } from "@mpo/core";

/** Raised when a record's form changes in a way that an older coordinator cannot read. */
const RECORD_VERSION = 1;

/** A record of plain data as bytes, with its kind and the version of its form. */
export function recordToBytes(kind: string, value: object): Uint8Array {
  return Buffer.from(JSON.stringify({ kind, version: RECORD_VERSION, value }));
}

/** Reads what `recordToBytes` made. Throws `invalid-data` when the bytes are no record of this kind. */
export function recordFromBytes<Value>(kind: string, bytes: Uint8Array): Value {
  const found = parsed(kind, bytes);
  if (found.kind !== kind || found.version !== RECORD_VERSION || typeof found.value !== "object") {
    throw new MpoError(
      "invalid-data",
      `the store holds a ${String(found.kind)} of version ${String(found.version)}; expected a ${kind} of version ${RECORD_VERSION}`,
      { hint: "Use the coordinator that wrote this store, or a newer one." },
    );
  }
  return found.value as Value;
}

function parsed(kind: string, bytes: Uint8Array): Partial<Record<"kind" | "version" | "value", unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Told below: what is wrong with the bytes does not help anybody.
  }
  throw new MpoError("invalid-data", `a ${kind} in the store cannot be read (${bytes.length} bytes)`, {
    hint: "The store is damaged: restore it from a backup.",
  });
}

/** Bytes within a record. */
export function packed(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/** Reads what `packed` made. */
export function unpacked(text: string): Uint8Array {
  return Buffer.from(text, "base64");
}
