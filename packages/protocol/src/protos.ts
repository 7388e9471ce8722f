import { join } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

/** Where the proto files are: the repository's `protos` folder. */
export const PROTO_FOLDER: string = fileURLToPath(new URL("../../../protos", import.meta.url));

/** The files that define services; they import all others. */
const PROTO_FILES: readonly string[] = ["mpo/v1/fleet.proto", "mpo/v1/admin.proto"];

let loaded: protobuf.Root | undefined;

/** The reflection of all services and messages; read from the proto files once. */
export function protos(): protobuf.Root {
  if (loaded !== undefined) return loaded;
  const root = new protobuf.Root();
  root.resolvePath = (_, target) => join(PROTO_FOLDER, target);
  root.loadSync([...PROTO_FILES]).resolveAll();
  loaded = root;
  return root;
}

/** A message by its name without the package ("Profile"). Throws when the proto files have no such message. */
export function protoMessage(name: string): protobuf.Type {
  return protos().lookupType(`mpo.v1.${name}`);
}
