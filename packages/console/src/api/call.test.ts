import assert from "node:assert/strict";
import { afterEach, describe, it, mock } from "node:test";
import { who } from "../state/who.ts";
import { call } from "./call.ts";

/** Answers the next request so. */
function answer(status: number, body: unknown): ReturnType<typeof mock.method> {
  return mock.method(globalThis, "fetch", () => Promise.resolve(Response.json(body, { status })));
}

void describe("a call", () => {
  afterEach(() => mock.restoreAll());

  it("sends the request as JSON, with what no other site's page can send", async () => {
    const fetched = answer(200, { name: "Ada", role: "admin" });
    assert.deepEqual(await call("whoAmI", {}), { name: "Ada", role: "admin" });
    const [path, { method, headers, body }] = fetched.mock.calls.flatMap((one) => one.arguments) as [
      string,
      RequestInit,
    ];
    assert.deepEqual([path, method, body], ["/api/v1/whoAmI", "POST", "{}"]);
    assert.deepEqual(headers, { "content-type": "application/json", "x-mpo-console": "1" });
  });

  it("throws what the coordinator says, in its words", async () => {
    answer(409, { code: "conflict", message: "somebody was faster", hint: "Look again." });
    await assert.rejects(call("whoAmI", {}), { code: "conflict", message: "somebody was faster", hint: "Look again." });
  });

  it("signs out where the session is over", async () => {
    who.value = { name: "Ada", role: "admin" };
    answer(401, { code: "unauthenticated", message: "the session has ended" });
    await assert.rejects(call("whoAmI", {}), { code: "unauthenticated" });
    assert.equal(who.value, null);
  });

  it("says where nobody answers, or something else does", async () => {
    mock.method(globalThis, "fetch", () => Promise.reject(new TypeError("failed")));
    await assert.rejects(call("whoAmI", {}), { code: "unavailable" });
    mock.restoreAll();
    mock.method(globalThis, "fetch", () => Promise.resolve(new Response("<html>", { status: 502 })));
    await assert.rejects(call("whoAmI", {}), { code: "internal", message: /502/u });
  });
});
