import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { groupRole, oidcFrom } from "./oidc-options.ts";

void describe("an OpenID provider on the command line", () => {
  void it("has groups with roles", () => {
    const good: readonly (readonly [string, ReturnType<typeof groupRole>])[] = [
      ["ops=operator", { group: "ops", role: "operator" }],
      ["ops=admin@north", { group: "ops", role: "admin", tenant: "north" }],
      ["cn=ops,dc=example=viewer", { group: "cn=ops,dc=example", role: "viewer" }],
      ["a@b.example=viewer@south", { group: "a@b.example", role: "viewer", tenant: "south" }],
    ];
    for (const [text, expected] of good) assert.deepEqual(groupRole(text), expected);
    for (const text of ["", "ops", "=viewer", "ops=", "ops=root", "ops=admin@", "ops=admin@a b", "ops=admin@a@b"]) {
      assert.throws(() => groupRole(text), { code: "commander.invalidArgument" }, text);
    }
  });

  void it("is described whole or not at all", () => {
    const roles = [groupRole("ops=operator")];
    const whole = { oidcIssuer: "https://id.example", oidcClientId: "mpo", oidcGroupsClaim: "roles", oidcRole: roles };
    assert.deepEqual(oidcFrom(whole), { issuer: "https://id.example", clientId: "mpo", groupsClaim: "roles", roles });
    assert.equal(oidcFrom({ oidcGroupsClaim: "groups" }), undefined);
    for (const part of ["oidcIssuer", "oidcClientId", "oidcRole"] as const) {
      const { [part]: _, ...rest } = whole;
      assert.throws(() => oidcFrom(rest), { code: "invalid-argument" });
    }
  });
});
