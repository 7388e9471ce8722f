import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor/index.js";

/** Where the proto files are: in a release inside this package, else the repository's `protos` folder. */
export const PROTO_FOLDER: string =
  ["../protos", "../../../protos"].map((place) => fileURLToPath(new URL(place, import.meta.url))).find(existsSync) ??
  "";

/** The files that define services; they import all others. */
export const PROTO_FILES: readonly string[] = ["mpo/v1/fleet.proto", "mpo/v1/admin.proto"];

/** What the descriptors' extension adds to protobufjs, which its types leave out. */
interface FromDescriptor {
  fromDescriptor(set: { readonly file: readonly object[] }): protobuf.Root;
}

interface Protos {
  readonly definitions: PackageDefinition;
  readonly root: protobuf.Root;
}

let loaded: Protos | undefined;

/** All services as proto-loader has them, and the reflection of their messages; read from the proto files once. */
export function protos(): Protos {
  if (loaded !== undefined) return loaded;
  const definitions = loadSync([...PROTO_FILES], { includeDirs: [PROTO_FOLDER] });
  const message = Object.values(definitions).find((one): one is MessageTypeDefinition<object, object> => "type" in one);
  const file = (message?.fileDescriptorProtos ?? []).map((bytes) => descriptor.FileDescriptorProto.decode(bytes));
  const root = (protobuf.Root as unknown as FromDescriptor).fromDescriptor({ file });
  root.resolveAll();
  loaded = { definitions, root };
  return loaded;
}

/** A message by its name without the package ("Profile"). Throws when the proto files have no such message. */
export function protoMessage(name: string): protobuf.Type {
  return protos().root.lookupType(`mpo.v1.${name}`);
}
