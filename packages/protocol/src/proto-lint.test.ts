import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import protobuf from "protobufjs";
import { PROTO_FILES, PROTO_FOLDER } from "./protos.ts";

const MESSAGE_NAME = /^[A-Z][A-Za-z0-9]*$/u;
const FIELD_NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/u;
/** Bounds of a field are its schema's to give. */
const BOUND = /\d[ \d.e^-]* to \d|\bat most \d|\babove \d|\d (?:bytes|characters)|\bfinite\b/iu;

const folder = join(PROTO_FOLDER, "mpo", "v1");
const files = (await readdir(folder)).filter((name) => name.endsWith(".proto"));

/** One file, on its own: names are as written, comments are kept. */
async function parsed(name: string): Promise<protobuf.Namespace> {
  const root = new protobuf.Root();
  const source = await readFile(join(folder, name), "utf8");
  const { package: packageName } = protobuf.parse(source, root, { keepCase: true, alternateCommentMode: true });
  assert.equal(packageName, "mpo.v1", name);
  return root.lookup("mpo.v1") as protobuf.Namespace;
}

function snake(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/gu, "$1_$2").toUpperCase();
}

function problemsOf(message: protobuf.Type): readonly string[] {
  const problems: string[] = [];
  if (!MESSAGE_NAME.test(message.name)) problems.push(`${message.name}: not in CamelCase`);
  if (!message.comment) problems.push(`${message.name}: no comment`);
  for (const field of message.fieldsArray) {
    const name = `${message.name}.${field.name}`;
    if (!FIELD_NAME.test(field.name)) problems.push(`${name}: not in snake_case`);
    if (!field.comment) problems.push(`${name}: no comment`);
    if (field instanceof protobuf.MapField) problems.push(`${name}: a map (keys would become property names)`);
    if (field.required) problems.push(`${name}: required`);
    if (["float", "int32", "int64", "sint64", "fixed32", "fixed64"].includes(field.type)) {
      problems.push(`${name}: ${field.type}; use double, uint32, sint32 or uint64`);
    }
    if (BOUND.test(field.comment ?? "")) problems.push(`${name}: a bound in the comment; the schema has it`);
  }
  for (const nested of message.nestedArray) problems.push(`${message.name}.${nested.name}: nested; put it beside`);
  return problems;
}

function problemsOfEnum(one: protobuf.Enum): readonly string[] {
  const problems: string[] = [];
  const prefix = `${snake(one.name)}_`;
  if (!one.comment) problems.push(`${one.name}: no comment`);
  if (one.values[`${prefix}UNSPECIFIED`] !== 0) problems.push(`${one.name}: 0 is not ${prefix}UNSPECIFIED`);
  for (const value of Object.keys(one.values)) {
    if (!value.startsWith(prefix)) problems.push(`${one.name}.${value}: does not begin with ${prefix}`);
    if (!one.comments[value]) problems.push(`${one.name}.${value}: no comment`);
  }
  return problems;
}

function problemsOfService(service: protobuf.Service): readonly string[] {
  const problems = service.comment ? [] : [`${service.name}: no comment`];
  if (!service.name.endsWith("Service")) problems.push(`${service.name}: does not end with Service`);
  for (const method of service.methodsArray) {
    if (!method.comment) problems.push(`${service.name}.${method.name}: no comment`);
    if (method.requestType !== `${method.name}Request`) problems.push(`${method.name} takes ${method.requestType}`);
    if (method.responseType !== `${method.name}Response`) problems.push(`${method.name} gives ${method.responseType}`);
    if (method.requestStream) problems.push(`${method.name}: a stream of requests has no deadline of its own`);
  }
  return problems;
}

for (const file of files) {
  void test(`${file} keeps the rules of the house`, async () => {
    const space = await parsed(file);
    const problems = space.nestedArray.flatMap((one) => {
      if (one instanceof protobuf.Type) return problemsOf(one);
      if (one instanceof protobuf.Enum) return problemsOfEnum(one);
      return one instanceof protobuf.Service
        ? problemsOfService(one)
        : [`${one.name}: neither message, enum nor service`];
    });
    assert.deepEqual(problems, []);
  });
}

void test("every proto file is loaded", async () => {
  const root = new protobuf.Root();
  root.resolvePath = (_, target) => join(PROTO_FOLDER, target);
  await root.load([...PROTO_FILES]);
  assert.deepEqual(root.files.map((path) => path.split("/").at(-1)).toSorted(), files.toSorted());
});
