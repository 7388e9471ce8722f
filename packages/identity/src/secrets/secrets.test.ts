import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { type Invitation, joinString, loginString, readJoinString, readLoginString } from "./invitation.ts";
import { type LocalJoin, localJoinFile, readLocalJoin, writeLocalJoin } from "./local-join.ts";
import { createJoinSecret, createOperatorToken, hashSecret, secretOf } from "./secret.ts";

describe("a secret", () => {
  it("is new each time, says what it is for, and is recognised by its hash alone", () => {
    const made = Array.from({ length: 50 }, () => [createOperatorToken(), createJoinSecret()]);
    assert.equal(new Set(made.flat()).size, 100);
    for (const [token, joining] of made as [string, string][]) {
      assert.match(token, /^mpo_[\w-]{43}$/u);
      assert.match(joining, /^mpoj_[\w-]{43}$/u);
      assert.notEqual(hashSecret(token), hashSecret(joining));
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
      secret: bytes32.map((bytes) => secretOf("join", bytes)),
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

  it("is another line than the one with which people log in, which holds an operator's token", () => {
    const person = { ...some, secret: createOperatorToken() };
    const login = loginString(person);
    assert.match(login, /^mpo-login-[\w-]+$/u);
    assert.deepEqual(readLoginString(`${login}\n`), person);
    assert.match(refusalOf(login), /the join string is not one: expected mpo-join-/u);
    assert.throws(() => readLoginString(line), {
      code: "invalid-argument",
      message: /the login string is not one: expected mpo-login-/u,
      hint: /`mpo access create`/u,
    });
    assert.throws(() => readLoginString(login.slice(0, -4)), { message: /the login string is cut short/u });
    assert.throws(() => loginString(some), { code: "internal" });
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

describe("the local join file", () => {
  const local: LocalJoin = {
    addresses: ["127.0.0.1:7443"],
    caPem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    accessToken: createOperatorToken(),
    joinString: "mpo-join-AAAA",
  };

  it("is read back by its owner, and refused when others can read it or it is damaged", async (t) => {
    const state = await mkdtemp(join(tmpdir(), "mpo-local-"));
    t.after(() => rm(state, { recursive: true }));
    const path = localJoinFile(state, 7443);
    assert.equal(path, join(state, "local", "7443.json"));
    await assert.rejects(readLocalJoin(path), { code: "not-found" });
    await writeLocalJoin(path, local);
    assert.deepEqual(await readLocalJoin(path), local);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await chmod(path, 0o640);
    await assert.rejects(readLocalJoin(path), { code: "precondition-failed", hint: /chmod 600/u });
    await chmod(path, 0o600);
    for (const [text, says] of [
      [JSON.stringify({ ...local, accessToken: 7 }), /accessToken is 7/u],
      [JSON.stringify(local).slice(0, 90), /not valid JSON/u],
    ] as const) {
      await writeFile(path, text);
      await assert.rejects(readLocalJoin(path), (thrown: Error) => {
        assert.match(thrown.message, says);
        assert.ok(!inspect(thrown, { depth: 9, showHidden: true }).includes(local.accessToken.slice(0, 12)));
        return true;
      });
    }
  });
});
