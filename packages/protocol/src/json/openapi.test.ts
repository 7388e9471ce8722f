import assert from "node:assert/strict";
import { it } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { ADMIN_SERVICE } from "../services.ts";
import { openApi } from "./openapi.ts";

interface Document {
  readonly paths: Readonly<Record<string, { readonly post?: { readonly operationId: string } }>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Schema {
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

void it("describes every call as OpenAPI 3.1, with what may be left out", async () => {
  const made = openApi({ version: "1.2.3", needs: () => "the role viewer", prefix: "/api/v1/" });
  const { valid, errors } = await new Validator().validate(structuredClone(made) as Record<string, unknown>);
  assert.equal(valid, true, JSON.stringify(errors, undefined, 1));
  const { paths, components } = made as unknown as Document;
  for (const name of Object.keys(ADMIN_SERVICE)) assert.equal(paths[`/api/v1/${name}`]?.post?.operationId, name);
  const { ListDevicesRequest, PutChunkRequest, RetireDeviceRequest } = components.schemas;
  assert.deepEqual(ListDevicesRequest?.required, ["tenant", "pageSize"]);
  assert.equal(ListDevicesRequest.properties?.["pageSize"]?.["maximum"], 1000);
  assert.deepEqual(PutChunkRequest?.properties?.["chunk"], { type: "string", contentEncoding: "base64" });
  assert.deepEqual(RetireDeviceRequest?.required, ["identity"], "an empty reason may be left out");
  assert.ok(JSON.stringify(made).length < 1e6, String(JSON.stringify(made).length));
});
