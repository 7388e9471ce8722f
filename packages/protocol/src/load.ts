import { fileURLToPath } from "node:url";
import { loadSync, type MessageTypeDefinition, type Options, type PackageDefinition } from "@grpc/proto-loader";
import { MpoError } from "@mpo/core";

/** Where the proto files are: the repository's `protos` folder. */
export const PROTO_FOLDER: string = fileURLToPath(new URL("../../../protos", import.meta.url));

/** The files that define services; they import all others. */
export const PROTO_FILES: readonly string[] = ["mpo/v1/fleet.proto", "mpo/v1/admin.proto"];

/**
 * How messages look in JavaScript; the generated types (`gen/`) are made with the same options. 64-bit numbers are texts
 * so that none is rounded before it is checked; absent scalars have their default, so that the codecs see every field.
 */
export const LOADER_OPTIONS: Options = {
  keepCase: false,
  longs: String,
  enums: String,
  defaults: true,
  arrays: true,
  objects: false,
  oneofs: false,
  includeDirs: [PROTO_FOLDER],
};

let definitions: PackageDefinition | undefined;

/** All messages and services by full name ("mpo.v1.Profile"), read from the proto files once. */
export function loadDefinitions(): PackageDefinition {
  definitions ??= loadSync([...PROTO_FILES], LOADER_OPTIONS);
  return definitions;
}

/** A message's own serializer. Throws `internal` when the proto files have no such message. */
export function messageType(typeName: string): MessageTypeDefinition<object, object> {
  const found = loadDefinitions()[typeName];
  if (found === undefined || !("serialize" in found)) {
    throw new MpoError("internal", `the proto files have no message ${typeName}`);
  }
  return found as MessageTypeDefinition<object, object>;
}
