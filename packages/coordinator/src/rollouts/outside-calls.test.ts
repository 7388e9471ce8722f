import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseRolloutSpec } from "@mpo/core";
import { systemClock } from "@mpo/io";
import type { Fetch } from "../identity/issuer-keys.ts";
import { CALL } from "../testing/tiny-fleet.ts";
import { addressFault, ask } from "./outside-calls.ts";
import { measureOutside } from "./outside-gates.ts";

const HOSTS = ["hooks.example.org", "prom:9090", "127.0.0.1:9090"];

void describe("an address of a rollout", () => {
  const cases: readonly (readonly [address: string, fault: RegExp | undefined])[] = [
    ["https://hooks.example.org/a", undefined],
    ["https://hooks.example.org:8443/a", undefined],
    ["http://127.0.0.1:9090", undefined],
    ["http://127.0.0.1:9091", /may not ask 127\.0\.0\.1:9091: start it with --allow-hooks/u],
    ["https://169.254.169.254/latest", /may not ask/u],
    ["http://hooks.example.org/a", /clear text: use https/u],
    ["http://prom:9090", /clear text/u],
    ["https://user:secret@hooks.example.org/", /name or a password/u],
    ["file:///etc/passwd", /neither https nor http/u],
    ["hooks", /is not an address/u],
  ];
  for (const [address, fault] of cases) {
    void it(`${address} is ${fault === undefined ? "asked" : "not asked"}`, async () => {
      const found = addressFault(address, HOSTS);
      if (fault === undefined) assert.equal(found, undefined);
      else assert.match(found ?? "", fault);
      let asked = 0;
      const fetch: Fetch = async () => new Response(`${++asked}`);
      const answer = ask({ clock: systemClock, fetch, hosts: HOSTS }, address, undefined, CALL.signal);
      if (fault === undefined) assert.equal(await answer, "1");
      else await assert.rejects(answer, { code: "unavailable", message: fault });
      assert.equal(asked, fault === undefined ? 1 : 0);
    });
  }

  void it("that sends us elsewhere, or answers too much, has not answered", async () => {
    const at = (response: Response) => {
      const parts = { clock: systemClock, fetch: async () => response, hosts: HOSTS };
      return ask(parts, "https://hooks.example.org/", {}, CALL.signal);
    };
    const elsewhere = new Response("", { status: 302, headers: { location: "http://169.254.169.254/" } });
    await assert.rejects(at(elsewhere), { message: "hooks.example.org answers 302" });
    await assert.rejects(at(new Response("x".repeat(70_000))), { message: /longer than 65536 bytes/u });
  });
});

void describe("a gate that others answer", () => {
  const prometheus = { address: "https://hooks.example.org/prom/", query: "a + b" };
  const vector = (...values: readonly string[]) => ({
    status: "success",
    data: { resultType: "vector", result: values.map((value) => ({ metric: {}, value: [1, value] })) },
  });
  const measure = async (body: unknown, gate: object = { prometheus }) => {
    const urls: string[] = [];
    const fetch: Fetch = async (url) => {
      urls.push(url);
      return new Response(typeof body === "string" ? body : JSON.stringify(body));
    };
    const spec = parseRolloutSpec({
      ...{ name: "small", model: "tiny", change: { rule: {} } },
      gates: [{ name: "g", success: "> 0", ...gate }],
    });
    const report = { tenant: "acme", rollout: "small", wave: 1, counts: {} };
    const [one] = spec.gates as [(typeof spec.gates)[number]];
    const parts = { clock: systemClock, fetch, hosts: HOSTS };
    return { ...(await measureOutside(parts, one, report, CALL.signal)), urls };
  };
  const cases: readonly (readonly [what: string, body: unknown, value: number | undefined, message: RegExp])[] = [
    ["one series", vector("0.25"), 0.25, /^0\.25$/u],
    ["a scalar", { status: "success", data: { resultType: "scalar", result: [1, "3"] } }, 3, /3/u],
    ["nothing", vector(), undefined, /gives nothing/u],
    ["no number", vector("NaN"), undefined, /no number/u],
    ["two series", vector("1", "2"), undefined, /2 series; one is expected/u],
    ["an error", { status: "error", error: "parse error" }, undefined, /no result/u],
    ["no JSON", "<html>", undefined, /not JSON/u],
  ];
  for (const [what, body, value, message] of cases) {
    void it(`Prometheus gives ${what}`, async () => {
      const measured = await measure(body);
      assert.equal(measured.value, value);
      assert.match(measured.message, message);
      assert.deepEqual(measured.urls, ["https://hooks.example.org/prom/api/v1/query?query=a+%2B+b"]);
    });
  }

  void it("a webhook gives a number, or nothing", async () => {
    const webhook = { webhook: "https://hooks.example.org/gate" };
    assert.equal((await measure({ value: 0.5 }, webhook)).value, 0.5);
    assert.match((await measure({ value: "0.5" }, webhook)).message, /does not answer with \{"value": NUMBER\}/u);
    assert.match((await measure("", webhook)).message, /not JSON/u);
  });
});
