import type { WireType } from "../field.ts";
import { loadDefinitions } from "../load.ts";

/** One field as protobuf's own description of the proto files has it. */
export interface FieldDescriptor {
  readonly name: string;
  readonly label: string;
  readonly type: WireType;
  readonly typeName: string;
}

/** The fields of a message ("mpo.v1.Profile" or "Profile"). */
export function fieldsOf(typeName: string): readonly FieldDescriptor[] {
  const definition = loadDefinitions()[`mpo.v1.${typeName.split(".").at(-1)}`] as {
    readonly type: { readonly field: readonly FieldDescriptor[] };
  };
  return definition.type.field;
}
