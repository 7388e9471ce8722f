import { fact, MPO_ERROR_CODES } from "@mpo/core";
import * as z from "zod";
import { ADMIN_SERVICE, type AdminServiceMethods, isOpenCall, type Method } from "../services.ts";
import { isBytes, isRequired, type Json } from "./json-form.ts";

/** What a document of the API says beside what the schemas know. */
export interface OpenApiFacts {
  readonly version: string;
  /** What a call needs, in words: "role operator, for the tenant that it names". */
  readonly needs: (call: keyof AdminServiceMethods) => string;
  /** Where its calls lie: "/api/v1/". */
  readonly prefix: string;
}

const ERROR = {
  type: "object",
  required: ["code", "message", "details"],
  properties: {
    code: { type: "string", enum: [...MPO_ERROR_CODES] },
    message: { type: "string", description: "What was wrong, where, and what was expected." },
    hint: { type: "string", description: "What to do about it." },
    details: {
      type: "object",
      properties: { requestId: { type: "string", description: "Name of the call in the coordinator's log." } },
    },
  },
} as const;

const REFUSALS = {
  default: {
    description: "The call has failed.",
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  },
} as const;

/** The Admin API as OpenAPI 3.1, from the schemas that check what it takes and gives. */
export function openApi({ version, needs, prefix }: OpenApiFacts): Json {
  const calls = Object.entries(ADMIN_SERVICE) as [keyof AdminServiceMethods, Method<unknown, unknown>][];
  const paths = calls.map(([name, method]) => [`${prefix}${name}`, { post: operation(name, method, needs(name)) }]);
  return {
    openapi: "3.1.0",
    info: {
      title: "MPOptimizer: Admin API",
      version,
      description:
        "Every call that people and programs may make of a coordinator. Bytes are base64. An empty text or list, 0 and false may be left out where the schema takes them.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    paths: { ...Object.fromEntries(paths), [`${prefix}events`]: { get: EVENTS } },
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "mpo access create" } },
      schemas: { ...schemasOf(calls.map(([, method]) => method)), Error: ERROR },
    },
  } as unknown as Json;
}

function operation(
  name: string,
  { request, response, isStream, path }: Method<unknown, unknown>,
  needs: string,
): object {
  const answer = { schema: { $ref: reference(response.messageName) } };
  return {
    operationId: name,
    description: `Needs ${needs}.${isStream ? ' A stream: one answer a line; after a failure one line more, {"error": …}.' : ""}`,
    requestBody: {
      required: true,
      content: { "application/json": { schema: { $ref: reference(request.messageName) } } },
    },
    responses: {
      "200": {
        description: "The answer.",
        content: isStream ? { "application/jsonl": answer } : { "application/json": answer },
      },
      ...REFUSALS,
    },
    ...(isOpenCall(path) ? { security: [{}, { token: [] }] } : {}),
  };
}

const EVENTS = {
  operationId: "events",
  description:
    "WatchEvents as server-sent events. Each has its sequence as its ID: who comes back with Last-Event-ID, at any coordinator, misses and repeats nothing. The first, of type `ready`, says from where on they come; one of type `end` says why there are no more.",
  parameters: [
    { name: "tenant", in: "query", required: true, schema: { type: "string" } },
    { name: "device", in: "query", schema: { type: "string" } },
    { name: "after", in: "query", description: "As Last-Event-ID.", schema: { type: "integer", minimum: 1 } },
    { name: "Last-Event-ID", in: "header", schema: { type: "integer", minimum: 1 } },
  ],
  responses: {
    "200": { description: "The events.", content: { "text/event-stream": { schema: { type: "string" } } } },
    ...REFUSALS,
  },
} as const;

function schemasOf(methods: readonly Method<unknown, unknown>[]): Readonly<Record<string, object>> {
  return Object.fromEntries(
    methods.flatMap(({ request, response }) => [
      [request.messageName, jsonSchema(request.schema, { isRequest: true })],
      [response.messageName, jsonSchema(response.schema, { isRequest: false })],
    ]),
  );
}

function jsonSchema(schema: z.ZodType, { isRequest }: { readonly isRequest: boolean }): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    ...{ io: "output", unrepresentable: "any", reused: "inline" },
    override: ({ zodSchema, jsonSchema: made }) => {
      const lengths = fact.LENGTHS.get(zodSchema as unknown as z.ZodType);
      if (isBytes(zodSchema)) Object.assign(made, { type: "string", contentEncoding: "base64" });
      else if (lengths !== undefined) Object.assign(made, { minLength: lengths.min, maxLength: lengths.max });
      // As requests are read: what may be left out need not be there, and what is not known is refused.
      if (isRequest && zodSchema instanceof z.ZodObject) made.required = requiredOf(zodSchema);
      if (!isRequest && made.type === "object") delete made.additionalProperties;
    },
  });
  return rest;
}

function requiredOf({ shape }: z.ZodObject): string[] {
  return Object.keys(shape).filter((key) => isRequired(shape[key] as z.core.$ZodType));
}

function reference(messageName: string): string {
  return `#/components/schemas/${messageName}`;
}
