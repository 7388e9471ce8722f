import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { signDocument, verifyDocument } from "./document-signature.ts";
import { type KeyDocument, signKeyDocument, verifyKeyDocument } from "./key-document.ts";
import { createSigningKey, isSignedFor, signFor, signingKeyId, signingPublicKey } from "./signing-key.ts";

const ROOT = createSigningKey();
const ROOT_PUBLIC = signingPublicKey(ROOT);
const FIRST = createSigningKey();
const SECOND = createSigningKey();

function signed(epoch: number, ...keys: readonly string[]): Uint8Array {
  return signKeyDocument(ROOT, { epoch, publicKeys: keys.map(signingPublicKey), issuedAtMs: 1_000 });
}

function document(epoch: number, ...keys: readonly string[]): KeyDocument {
  return verifyKeyDocument(ROOT_PUBLIC, signed(epoch, ...keys), 0);
}

const REFUSED = { code: "unauthenticated" };

describe("a key document", () => {
  it("says which keys sign, and is taken from its epoch on", () => {
    const key = signingPublicKey(FIRST);
    assert.match(key, /^[\w-]{43}$/u);
    const expected = { epoch: 3, keys: [{ id: signingKeyId(key), public: key }], issuedAtMs: 1_000 };
    for (const floor of [0, 2, 3]) assert.deepEqual(verifyKeyDocument(ROOT_PUBLIC, signed(3, FIRST), floor), expected);
    assert.equal(document(1, FIRST, SECOND).keys.length, 2);
  });

  it("of an earlier epoch is refused (rollback)", () => {
    assert.throws(() => verifyKeyDocument(ROOT_PUBLIC, signed(3, FIRST), 4), {
      ...REFUSED,
      message: "the key document is of epoch 3, whose keys were retired; expected 4 or a later one",
    });
  });

  it("of another root is refused", () => {
    const foreign = createSigningKey();
    const bytes = signKeyDocument(foreign, { epoch: 9, publicKeys: [signingPublicKey(FIRST)], issuedAtMs: 0 });
    assert.throws(() => verifyKeyDocument(ROOT_PUBLIC, bytes, 0), {
      ...REFUSED,
      message: /not signed by the fleet's root/u,
    });
    // Nor may a key that signs documents name its own successor.
    const own = signKeyDocument(FIRST, { epoch: 9, publicKeys: [signingPublicKey(FIRST)], issuedAtMs: 0 });
    assert.throws(() => verifyKeyDocument(ROOT_PUBLIC, own, 0), REFUSED);
  });

  it("is refused with any byte changed, missing or too many, and when it is too long", () => {
    const bytes = signed(3, FIRST);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ 1;
      assert.throws(() => verifyKeyDocument(ROOT_PUBLIC, changed, 0), REFUSED);
      assert.throws(() => verifyKeyDocument(ROOT_PUBLIC, bytes.slice(0, at), 0), REFUSED);
    }
    assert.throws(() => verifyKeyDocument(ROOT_PUBLIC, Buffer.concat([bytes, Buffer.from(" ")]), 0), REFUSED);
    assert.throws(() => verifyKeyDocument(ROOT_PUBLIC, new Uint8Array(4097), 0), {
      ...REFUSED,
      message: /4097 bytes/u,
    });
    assert.throws(() => verifyKeyDocument("", bytes, 0), REFUSED);
  });

  it("is not made without keys, with too many, or with what is none", () => {
    for (const publicKeys of [[], Array.from({ length: 9 }, () => ROOT_PUBLIC), ["x"]]) {
      assert.throws(() => signKeyDocument(ROOT, { epoch: 1, publicKeys, issuedAtMs: 0 }), { code: "invalid-argument" });
    }
    assert.throws(() => signed(0, FIRST), { code: "invalid-argument", message: /epoch is 0/u });
  });

  it("holds for whatever was signed", () => {
    const epoch = fc.integer({ min: 1, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(epoch, fc.nat(), fc.integer({ min: 1, max: 8 }), (epoch, issuedAtMs, count) => {
        const publicKeys = Array.from({ length: count }, () => signingPublicKey(createSigningKey()));
        const read = verifyKeyDocument(ROOT_PUBLIC, signKeyDocument(ROOT, { epoch, publicKeys, issuedAtMs }), epoch);
        assert.deepEqual(read, {
          epoch,
          issuedAtMs,
          keys: publicKeys.map((key) => ({ id: signingKeyId(key), public: key })),
        });
      }),
      { numRuns: 30 },
    );
  });
});

describe("a document", () => {
  const BYTES = Buffer.from("batch 4");

  it("is taken from every key of the key document, for whatever bytes", () => {
    const keys = document(1, FIRST, SECOND);
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom(FIRST, SECOND), (bytes, key) => {
        verifyDocument(keys, bytes, signDocument(key, bytes));
      }),
    );
  });

  it("of a key that was retired is refused as soon as the epoch was raised", () => {
    const signature = signDocument(FIRST, BYTES);
    verifyDocument(document(1, FIRST), BYTES, signature);
    assert.throws(() => verifyDocument(document(2, SECOND), BYTES, signature), {
      ...REFUSED,
      message: "the document is signed by a key that the fleet does not have in epoch 2",
    });
  });

  it("is refused when a byte of it or of its signature was changed, or it names another key", () => {
    const keys = document(1, FIRST, SECOND);
    const { key, signature } = signDocument(FIRST, BYTES);
    for (let at = 0; at < signature.length; at += 1) {
      const changed = signature.slice();
      changed[at] = (changed[at] as number) ^ 1;
      assert.throws(() => verifyDocument(keys, BYTES, { key, signature: changed }), REFUSED);
      assert.throws(() => verifyDocument(keys, BYTES, { key, signature: signature.slice(0, at) }), REFUSED);
    }
    for (const other of ["batch 5", "batch 4 ", "batch", ""]) {
      assert.throws(() => verifyDocument(keys, Buffer.from(other), { key, signature }), REFUSED);
    }
    const second = signingKeyId(signingPublicKey(SECOND));
    assert.throws(() => verifyDocument(keys, BYTES, { key: second, signature }), {
      ...REFUSED,
      message: /does not fit/u,
    });
  });

  it("does not take a signature of another kind", () => {
    const keys = document(1, ROOT);
    const key = signingKeyId(ROOT_PUBLIC);
    const bytes = signed(1, FIRST);
    const body = bytes.slice(64);
    // The root's signature of a key document, for the same bytes.
    assert.ok(isSignedFor("mpo-key-document-v1", ROOT_PUBLIC, body, bytes.slice(0, 64)));
    assert.throws(() => verifyDocument(keys, body, { key, signature: bytes.slice(0, 64) }), REFUSED);
    // And a document's signature for a key document.
    const forged = Buffer.concat([signDocument(ROOT, body).signature, body]);
    assert.throws(() => verifyKeyDocument(ROOT_PUBLIC, forged, 0), REFUSED);
    // Nor is the purpose confused with the first bytes.
    const signature = signFor("mpo-document-v1", ROOT, Buffer.from("x"));
    assert.ok(!isSignedFor("mpo-key-document-v1", ROOT_PUBLIC, Buffer.from("x"), signature));
  });
});

describe("a signing key", () => {
  it("is refused when it is no key, or of another kind, and the error does not show it", () => {
    for (const text of ["hunter2", FIRST.slice(0, 70), FIRST.replace("PRIVATE", "PUBLIC")]) {
      assert.throws(
        () => signingPublicKey(text),
        (thrown: Error) => {
          assert.equal(thrown.message, "this is not a private key of Ed25519 in PEM");
          assert.equal(thrown.cause, undefined);
          return true;
        },
      );
    }
  });
});
