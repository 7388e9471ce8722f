import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CoordinatorSettings, resolveSettings } from "./settings.ts";

const newId = (): string => "id";

void describe("settings", () => {
  void it("have defaults, on loopback", () => {
    const settings = resolveSettings({}, newId);
    assert.deepEqual(
      [settings.grpc.host, settings.http.host, settings.name],
      ["127.0.0.1", "127.0.0.1", "coordinator-id"],
    );
  });

  for (const host of ["127.0.0.1", "127.3.2.1", "localhost", "::1"]) {
    void it(`${host} is loopback`, () => {
      assert.equal(resolveSettings({ grpc: { host, port: 0 }, insecure: true }, newId).grpc.host, host);
    });
  }
  for (const host of ["0.0.0.0", "::", "192.168.1.2", "example.com", "127.0.0.1.example.com", ""]) {
    void it(`${host || "nothing"} is not, and is refused where nobody proves who they are`, () => {
      for (const listener of ["grpc", "http"] as const) {
        const settings = { [listener]: { host, port: 0 } };
        assert.throws(() => resolveSettings({ ...settings, insecure: true }, newId), { code: "precondition-failed" });
        assert.equal(resolveSettings(settings, newId)[listener].host, host);
      }
    });
  }

  const oidc = { clientId: "mpo", groupsClaim: "groups", roles: [] };
  for (const issuer of [
    "https://id.example",
    "http://127.0.0.1:9000",
    "http://[::1]:9000/realms/x",
    "http://localhost",
  ]) {
    void it(`tokens of ${issuer} may be taken`, () => {
      assert.equal(resolveSettings({ oidc: { ...oidc, issuer } }, newId).oidc?.issuer, issuer);
    });
  }

  const bad: readonly CoordinatorSettings[] = [
    { insecure: true, oidc: { ...oidc, issuer: "https://id.example" } },
    ...["http://id.example", "http://127.0.0.1.example", "ftp://127.0.0.1", "id.example", ""].map((issuer) => ({
      oidc: { ...oidc, issuer },
    })),
    { heartbeatSeconds: 0 },
    { heartbeatSeconds: Number.NaN },
    { budget: { memoryShare: 1.5 } },
    { budget: { windowMs: 0 } },
    { quorum: 1 },
    { leaseMs: 1 },
  ];
  for (const settings of bad) {
    void it(`${JSON.stringify(settings)} is refused`, () => {
      assert.throws(() => resolveSettings(settings, newId), { code: "invalid-argument" });
    });
  }
});
