import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { type Invitation, joinString, readJoinString } from "./join-string.ts";
import { createJoinSecret, createOperatorToken, hashSecret, isHashOf, joinSecretOf } from "./secret.ts";

describe("a secret", () => {
  it("is new each time, says what it is for, and is recognised by its hash alone", () => {
    const made = Array.from({ length: 50 }, () => [createOperatorToken(), createJoinSecret()]);
    assert.equal(new Set(made.flat()).size, 100);
    for (const [token, joining] of made as [string, string][]) {
      assert.match(token, /^mpo_[\w-]{43}$/u);
      assert.match(joining, /^mpoj_[\w-]{43}$/u);
      assert.ok(isHashOf(hashSecret(token), token));
      assert.ok(!isHashOf(hashSecret(token), joining));
      assert.ok(!isHashOf(token, token));
      assert.ok(!isHashOf("", token));
    }
    assert.equal(hashSecret("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

describe("a join string", () => {
  const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const invitation: fc.Arbitrary<Invitation> = fc.record(
    {
      addresses: fc.array(fc.stringMatching(/^[!-~]{1,255}$/u), { minLength: 1, maxLength: 8 }),
      caDigest: bytes32.map((bytes) => Buffer.from(bytes).toString("hex")),
      secret: bytes32.map(joinSecretOf),
    },
    { noNullPrototype: true },
  );
  const some: Invitation = {
    addresses: ["coordinator.example:7443", "[fd00::1]:7443"],
    caDigest: "ab".repeat(32),
    secret: createJoinSecret(),
  };
  const line = joinString(some);

  /** The error that reading a text throws; it says nothing of the secret. */
  function refusalOf(text: string): string {
    try {
      readJoinString(text);
    } catch (thrown) {
      const said = inspect(thrown, { depth: 9, showHidden: true });
      assert.ok(!said.includes(some.secret.slice(5, 20)) && !said.includes(line.slice(70, 85)), said);
      assert.equal((thrown as { code?: unknown }).code, "invalid-argument");
      return (thrown as Error).message;
    }
    return "";
  }

  it("holds what was put in, on one line that a shell leaves alone", () => {
    fc.assert(
      fc.property(invitation, (value) => {
        const text = joinString(value);
        assert.match(text, /^mpo-join-[\w-]+$/u);
        assert.deepEqual(readJoinString(text), value);
      }),
    );
    assert.ok(line.length < 180, String(line.length));
  });

  it("may have been wrapped and indented while it was copied", () => {
    assert.deepEqual(readJoinString(`\n  ${line.slice(0, 40)}\r\n  ${line.slice(40)} \n`), some);
  });

  it("is reported as cut short wherever it was cut", () => {
    for (let at = "mpo-join-".length; at < line.length; at += 1) {
      assert.match(refusalOf(line.slice(0, at)), /is cut short/u, String(at));
    }
    for (let at = 0; at < "mpo-join-".length; at += 1) assert.match(refusalOf(line.slice(0, at)), /is not one/u);
  });

  it("is refused when a character is another, or one too many", () => {
    for (let at = "mpo-join-".length; at < line.length; at += 1) {
      const other = line[at] === "A" ? "B" : "A";
      const changed = line.slice(0, at) + other + line.slice(at + 1);
      const said = refusalOf(changed);
      // The last character has bits that are part of no byte.
      if (said === "") assert.deepEqual(readJoinString(changed), some);
      else assert.match(said, /was changed|another version|cut short|something behind/u);
    }
    assert.match(refusalOf(`${line}AAAA`), /something behind its end/u);
    assert.match(refusalOf(`${line}é`), /do not belong/u);
  });

  it("is refused when it is something else", () => {
    for (const text of [
      "",
      "mpo_abc",
      createOperatorToken(),
      line.slice(9),
      "x".repeat(5000),
      `${line}${"A".repeat(5000)}`,
    ]) {
      assert.match(refusalOf(text), /is not one/u);
    }
    assert.match(
      refusalOf(`mpo-join-${Buffer.from([2, 0, 9, 1, 1, 1, 1, 1, 1]).toString("base64url")}`),
      /another version/u,
    );
    fc.assert(fc.property(fc.string(), (text) => assert.notEqual(refusalOf(`mpo-join-${text}`), "")));
  });

  it("is refused with addresses that are none, whatever its checksum", () => {
    const forged = (addresses: readonly number[]): string => {
      const body = Buffer.concat([
        Buffer.from([1, 0, 3 + 64 + addresses.length + 4]),
        Buffer.alloc(64),
        Buffer.from(addresses),
      ]);
      const sum = createHash("sha256").update(body).digest().subarray(0, 4);
      return `mpo-join-${Buffer.concat([body, sum]).toString("base64url")}`;
    };
    assert.deepEqual(readJoinString(forged([1, 0x61])).addresses, ["a"]);
    for (const addresses of [
      [],
      [0],
      [2, 0x61],
      [1, 0x20],
      [1, 0x80],
      Array.from({ length: 18 }, (_, at) => (at % 2 === 0 ? 1 : 0x61)),
    ]) {
      assert.match(refusalOf(forged(addresses)), /address/u);
    }
  });

  it("is not made of bad addresses, or of what is no digest or secret", () => {
    for (const addresses of [[], Array.from({ length: 9 }, () => "a:1"), ["a b:1"], [""], ["x".repeat(256)]]) {
      assert.throws(() => joinString({ ...some, addresses }), {
        code: "invalid-argument",
        message: /1 to 8 addresses/u,
      });
    }
    for (const wrong of [{ caDigest: "ab" }, { secret: createOperatorToken() }, { secret: `${some.secret}A` }]) {
      assert.throws(() => joinString({ ...some, ...wrong }), { code: "internal" });
    }
  });
});
