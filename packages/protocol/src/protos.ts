import { join } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

/** Where the proto files are: the repository's `protos` folder. */
export const PROTO_FOLDER: string = fileURLToPath(new URL("../../../protos", import.meta.url));

/** The files that define services; they import all others. */
export const PROTO_FILES: readonly string[] = ["mpo/v1/fleet.proto", "mpo/v1/admin.proto"];

let root: protobuf.Root | undefined;

/** All messages and services, read from the proto files once. */
export function protoRoot(): protobuf.Root {
  if (root !== undefined) return root;
  const loaded = new protobuf.Root();
  loaded.resolvePath = (_, target) => join(PROTO_FOLDER, target);
  root = loaded.loadSync([...PROTO_FILES]);
  root.resolveAll();
  return root;
}

/** A message by its name without the package ("Profile"). Throws when the proto files have no such message. */
export function protoMessage(name: string): protobuf.Type {
  return protoRoot().lookupType(`mpo.v1.${name}`);
}
