import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  createSigningKey,
  type KeyDocument,
  signDocument,
  signingPublicKey,
  signKeyDocument,
  verifyKeyDocument,
} from "@mpo/identity";
import { type DesiredDocument, type DesiredEnvelope, desiredDocumentCodec, desiredEnvelopeCodec } from "@mpo/protocol";
import fc from "fast-check";
import { envelopeVerifier } from "../identity/verify-envelope.ts";
import { DAY_MS, DEVICE_CLASS, documentOf, envelopeOf, IDENTITY, START_MS } from "../test-support/documents.ts";
import { checkDocument, type DocumentContext, floorOf } from "./document-check.ts";

const [rootKey, fleetKey, strangersKey] = [createSigningKey(), createSigningKey(), createSigningKey()];
const EPOCH = 2;

/** As an agent gets it, and believes it: by the root key alone. */
function keysOf(epoch: number, ...privateKeys: readonly string[]): KeyDocument {
  const publicKeys = privateKeys.map(signingPublicKey);
  const bytes = signKeyDocument(rootKey, { epoch, publicKeys, issuedAtMs: START_MS });
  return verifyKeyDocument(signingPublicKey(rootKey), bytes, epoch);
}

const verifyEnvelope = envelopeVerifier(
  () => keysOf(EPOCH, fleetKey),
  () => undefined,
);

const inEpoch = (version: number, changes: Partial<DesiredDocument> = {}): DesiredDocument =>
  documentOf(version, { version: { epoch: EPOCH, version }, ...changes });

const bytesOf = (version: number, changes?: Partial<DesiredDocument>): Buffer =>
  desiredDocumentCodec.toBytes(inEpoch(version, changes));

function enveloped(document: Uint8Array, signatures: DesiredEnvelope["signatures"]): Uint8Array {
  return desiredEnvelopeCodec.toBytes({ document, signatures });
}

/** As the coordinator signs it. */
function signed(version: number, changes?: Partial<DesiredDocument>): Uint8Array {
  const document = bytesOf(version, changes);
  return enveloped(document, [signDocument(fleetKey, document)]);
}

const CONTEXT: DocumentContext = {
  identity: IDENTITY,
  deviceClass: DEVICE_CLASS,
  models: ["resnet"],
  floor: floorOf(inEpoch(5)),
  nowMs: START_MS,
  verify: verifyEnvelope,
};

interface Row {
  readonly what: string;
  readonly envelope: Uint8Array;
  readonly context?: Partial<DocumentContext>;
  readonly reason: string;
}

/** The attacks that The Update Framework lists, and the word by which each is reported. */
const ATTACKS: Readonly<Record<string, readonly Row[]>> = {
  "arbitrary install": [
    { what: "is not signed", envelope: enveloped(bytesOf(6), []), reason: "unsigned" },
    {
      what: "is signed by another key",
      envelope: enveloped(bytesOf(6), [signDocument(strangersKey, bytesOf(6))]),
      reason: "other-key",
    },
    {
      what: "is signed by another key under a known one's name",
      envelope: enveloped(bytesOf(6), [
        { ...signDocument(strangersKey, bytesOf(6)), key: signDocument(fleetKey, bytesOf(6)).key },
      ]),
      reason: "mixed-up",
    },
  ],
  rollback: [
    { what: "is older", envelope: signed(4), reason: "older" },
    { what: "is of an epoch before", envelope: signed(9, { version: { epoch: 1, version: 9 } }), reason: "rollback" },
    {
      what: "is of an epoch before that of the keys, on a device that has had none",
      envelope: signed(9, { version: { epoch: 1, version: 9 } }),
      context: { floor: undefined },
      reason: "rollback",
    },
    { what: "has another content under the same version", envelope: signed(5, { chosenRung: 0 }), reason: "changed" },
  ],
  "key compromise": [
    {
      what: "is signed by a key that was retired since",
      envelope: signed(6),
      context: {
        verify: envelopeVerifier(
          () => keysOf(EPOCH + 1, strangersKey),
          () => undefined,
        ),
      },
      reason: "other-key",
    },
    {
      what: "is signed by the new key for the epoch before",
      envelope: signed(6),
      context: {
        verify: envelopeVerifier(
          () => keysOf(EPOCH + 1, strangersKey, fleetKey),
          () => undefined,
        ),
      },
      reason: "rollback",
    },
  ],
  "fast-forward": [
    {
      what: "has an epoch above that of the keys",
      envelope: signed(1, { version: { epoch: EPOCH + 1, version: 1 } }),
      reason: "fast-forward",
    },
  ],
  freeze: [
    {
      what: "has expired",
      envelope: signed(6),
      context: { nowMs: START_MS + 31 * DAY_MS },
      reason: "expired",
    },
    {
      what: "has expired although the clock starts in 1970",
      envelope: signed(6),
      context: { nowMs: 0, floor: { ...floorOf(inEpoch(5)), issuedAtMs: START_MS + 40 * DAY_MS } },
      reason: "expired",
    },
  ],
  "mix-and-match": [
    {
      what: "has the signature of another document",
      envelope: enveloped(bytesOf(7), [signDocument(fleetKey, bytesOf(6))]),
      reason: "mixed-up",
    },
    { what: "is for a model that is not served", envelope: signed(6, { model: "other" }), reason: "other-model" },
  ],
  "endless data": [
    { what: "is too large", envelope: Buffer.alloc(10_000), reason: "oversize" },
    { what: "is no message", envelope: Buffer.from("hello"), reason: "unreadable" },
    {
      what: "holds no document, although it is signed",
      envelope: enveloped(Buffer.from("x"), [signDocument(fleetKey, Buffer.from("x"))]),
      reason: "unreadable",
    },
  ],
  "wrong target, and replay": [
    { what: "is for another device", envelope: signed(6, { device: "camera-2" }), reason: "other-device" },
    { what: "is for another tenant", envelope: signed(6, { tenant: "other" }), reason: "other-tenant" },
    { what: "is for another class", envelope: signed(6, { deviceClass: "test-2g" }), reason: "other-class" },
    { what: "was in use before the newest", envelope: signed(3), reason: "older" },
  ],
};

function reasonOf(envelope: Uint8Array, context: Partial<DocumentContext> = {}): string {
  const verdict = checkDocument(envelope, { ...CONTEXT, ...context });
  return verdict.kind === "refused" ? verdict.reason : "accepted";
}

for (const [attack, rows] of Object.entries(ATTACKS)) {
  describe(attack, () => {
    for (const { what, envelope, context, reason } of rows) {
      it(`a document is refused when it ${what}: ${reason}`, () => assert.equal(reasonOf(envelope, context), reason));
    }
  });
}

describe("a document", () => {
  it("is taken when it is good, and again when the very same comes twice: a replay of the newest changes nothing", () => {
    assert.deepEqual([reasonOf(signed(6)), reasonOf(signed(5))], ["accepted", "accepted"]);
  });

  it("is taken when one of its signatures is by a key that is known, and new keys are asked for when none is", () => {
    let asked = 0;
    const verify = envelopeVerifier(
      () => keysOf(EPOCH, fleetKey),
      () => void asked++,
    );
    const document = bytesOf(6);
    const both = [signDocument(strangersKey, document), signDocument(fleetKey, document)];
    assert.equal(reasonOf(enveloped(document, both), { verify }), "accepted");
    assert.equal(asked, 0);
    assert.equal(reasonOf(enveloped(document, both.slice(0, 1)), { verify }), "other-key");
    assert.equal(reasonOf(enveloped(document, []), { verify }), "unsigned");
    assert.equal(asked, 1);
  });

  it("for a model waits where nothing is served yet", () => {
    assert.equal(reasonOf(signed(6, { model: "other" }), { models: [] }), "accepted");
  });

  it("says its version where it could be read, also without a good signature", () => {
    const verdict = checkDocument(enveloped(bytesOf(6), []), CONTEXT);
    assert.deepEqual(verdict.kind === "refused" && verdict.version, { epoch: EPOCH, version: 6 });
  });

  it("never throws, and is taken with no bit changed, whatever bytes come", () => {
    const good = signed(6);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => good.map((b, i) => (i === at ? value : b))),
    );
    fc.assert(
      fc.property(bytes, (envelope) => {
        assert.ok(reasonOf(envelope) !== "accepted" || Buffer.compare(envelope, good) === 0);
      }),
    );
    const unsigned = envelopeOf(inEpoch(6));
    const changed = fc.nat(unsigned.length - 1).map((at) => unsigned.map((b, i) => (i === at ? b ^ 1 : b)));
    fc.assert(fc.property(changed, (envelope) => void reasonOf(envelope, { verify: undefined })));
  });
});
