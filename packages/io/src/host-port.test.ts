import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf, hereOf, hostOf, isLoopback, isPrivateUrl, targetOf } from "./host-port.ts";

void describe("a host and a port", () => {
  for (const [host, target] of [
    ["10.0.0.1", "10.0.0.1:7443"],
    ["fleet.example.org", "fleet.example.org:7443"],
    ["::1", "[::1]:7443"],
  ] as const) {
    void it(`are ${target}, and back`, () => {
      assert.equal(targetOf({ host, port: 7443 }), target);
      assert.deepEqual(addressOf(target), { host, port: 7443 });
      assert.equal(hostOf(target), host);
    });
  }

  void it("are reached on their own machine where they listen on all addresses", () => {
    assert.deepEqual(["0.0.0.0", "::", "10.0.0.1"].map(hereOf), ["127.0.0.1", "::1", "10.0.0.1"]);
  });

  void it("are this machine's own, or not", () => {
    for (const host of ["localhost", "::1", "127.0.0.1", "127.8.9.10"]) assert.ok(isLoopback(host), host);
    for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.org", ""]) assert.ok(!isLoopback(host), host);
  });

  void it("are private over TLS or on this machine", () => {
    for (const url of ["https://a.example", "http://127.0.0.1:1", "http://[::1]:8080/x"])
      assert.ok(isPrivateUrl(url), url);
    for (const url of ["http://a.example", "ftp://127.0.0.1", "x", ""]) assert.ok(!isPrivateUrl(url), url);
  });
});
