import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  createAuthority,
  createNatsAuthority,
  createSigningKey,
  deviceOfCertificate,
  fingerprintOf,
  isIssuedBy,
  keyDocumentOf,
  readJoinString,
  rotateSigningKey,
  signKeyDocument,
  verifyDocument,
  verifyKeyDocument,
} from "@mpo/identity";
import { VirtualClock } from "@mpo/io/testing";
import { asker, DAY_MS, fleetKeys } from "../test-support/identity-room.ts";
import { FleetKeys } from "./fleet-keys.ts";

const NOW_MS = 1_700_000_000_000;
const CAM = { tenant: "acme", device: "cam" };
const DOCUMENT = Buffer.from("a document");

/** Keys of a fleet whose root key is elsewhere. */
async function offline(clock: VirtualClock) {
  const whole = (await fleetKeys(clock)).authority;
  const { rootKeyPem, ...authority } = whole;
  assert.ok(rootKeyPem);
  const ports = { clock, certificateValidMs: 7 * DAY_MS, addresses: () => [], save: () => Promise.resolve() };
  return { keys: new FleetKeys(authority, ports), rootKeyPem };
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("base64url");

void describe("a fleet's keys", () => {
  void it("let those go on who trust the authority before, until they have followed", async () => {
    const clock = new VirtualClock(NOW_MS);
    const keys = await fleetKeys(clock);
    const [old] = keys.view.certificates;
    const { csr } = await asker();
    const before = await keys.issue(await keys.readRequest(csr), CAM);
    await clock.advance(1000);
    await keys.rotateAuthority({ isDistrusting: false });
    const [newest, older] = keys.view.certificates;
    assert.equal(older?.digest, old?.digest);
    // Devices get the new one's certificates at once, and both authorities; who knows the older one alone can check the server.
    const after = await keys.issue(await keys.readRequest(csr), CAM);
    assert.ok(isIssuedBy(after.certificatePem, newest?.certificatePem ?? ""));
    assert.ok(isIssuedBy(before.certificatePem, old?.certificatePem ?? ""));
    for (const { digest, certificatePem } of keys.view.certificates) {
      assert.equal(fingerprintOf(certificatePem), digest);
      assert.ok(keys.trust.authoritiesPem.includes(certificatePem.trim()));
    }
    assert.ok(isIssuedBy((await keys.issueServer()).certificatePem, old?.certificatePem ?? ""));
    assert.equal(readJoinString(keys.joinString(`mpoj_${"A".repeat(43)}`)).caDigest, old?.digest);
    await clock.advance(15 * DAY_MS);
    assert.ok(isIssuedBy((await keys.issueServer()).certificatePem, newest?.certificatePem ?? ""));
    assert.equal(readJoinString(keys.joinString(`mpoj_${"A".repeat(43)}`)).caDigest, newest?.digest);
  });

  void it("distrust a stolen authority at once", async () => {
    const clock = new VirtualClock(NOW_MS);
    const keys = await fleetKeys(clock);
    const [old] = keys.view.certificates;
    const { digest } = keys.trust;
    await clock.advance(1000);
    await keys.rotateAuthority({ isDistrusting: true });
    assert.equal(keys.view.certificates.length, 1);
    assert.ok(!keys.trust.authoritiesPem.includes(old?.certificatePem.trim() ?? ""));
    assert.ok(!isIssuedBy((await keys.issueServer()).certificatePem, old?.certificatePem ?? ""));
    assert.notEqual(keys.trust.digest, digest);
  });

  void it("sign by the newest key, which the root key vouches for; the older one's documents count no more", async () => {
    const keys = await fleetKeys(new VirtualClock(NOW_MS));
    const root = text(keys.trust.rootPublicKey);
    const [before] = keys.sign(DOCUMENT);
    const seal = keys.seal(Buffer.alloc(32, 1));
    const first = keys.trust.keyDocument;
    const heard: number[] = [];
    const off = keys.onChange(() => heard.push(keys.epoch));
    assert.equal((await keys.rotateKeys()).epoch, 2);
    assert.deepEqual(heard, [2]);
    off();
    const document = verifyKeyDocument(root, keys.trust.keyDocument, 2);
    const [after] = keys.sign(DOCUMENT);
    assert.ok(before && after);
    verifyDocument(document, DOCUMENT, after);
    assert.throws(() => verifyDocument(document, DOCUMENT, before), { code: "unauthenticated" });
    // A device that has heard of the second epoch is not shown the first again.
    assert.throws(() => verifyKeyDocument(root, first, 2), { code: "unauthenticated", message: /retired/u });
    // What they sealed of the past stays believed.
    assert.ok(keys.isSealOf(seal, Buffer.alloc(32, 1)));
    assert.ok(!keys.isSealOf(seal, Buffer.alloc(32, 2)));
  });

  void it("whose root key is elsewhere take what it signed: nothing older, nothing else, nothing twice", async () => {
    const clock = new VirtualClock(NOW_MS);
    const { keys, rootKeyPem } = await offline(clock);
    const sign = (epoch: number, publicKey: string, root = rootKeyPem): Uint8Array =>
      signKeyDocument(root, { epoch, publicKeys: [publicKey], issuedAtMs: NOW_MS });
    await assert.rejects(keys.installKeys(sign(2, "A".repeat(43))), { code: "precondition-failed" });
    const { epoch, publicKey } = await keys.rotateKeys();
    assert.equal(epoch, 2);
    // Nothing is in use yet.
    assert.equal(keys.epoch, 1);
    const waiting = text(publicKey);
    const other = await fleetKeys(clock);
    const otherKey = text((await offline(clock)).keys.trust.rootPublicKey);
    const refused: readonly (readonly [Uint8Array, string])[] = [
      [sign(1, waiting), "unauthenticated"],
      [sign(2, otherKey), "invalid-argument"],
      [sign(2, waiting, createSigningKey()), "unauthenticated"],
      [keyDocumentOf(other.authority), "unauthenticated"],
      [keys.trust.keyDocument, "unauthenticated"],
      [sign(2, waiting).subarray(0, -1), "unauthenticated"],
      [new Uint8Array(0), "unauthenticated"],
    ];
    for (const [document, code] of refused) {
      await assert.rejects(keys.installKeys(document), { code });
      assert.equal(keys.epoch, 1);
    }
    const good = sign(2, waiting);
    assert.deepEqual(await keys.installKeys(good), { epoch: 2 });
    const [signature] = keys.sign(DOCUMENT);
    assert.ok(signature);
    verifyDocument(verifyKeyDocument(text(keys.trust.rootPublicKey), good, 2), DOCUMENT, signature);
    await assert.rejects(keys.installKeys(good), { code: "precondition-failed" });
  });

  void it("take over what another coordinator changed, and never go back", async () => {
    const clock = new VirtualClock(NOW_MS);
    const keys = await fleetKeys(clock);
    const first = keys.authority;
    const second = rotateSigningKey(first, { nowMs: NOW_MS });
    assert.equal(keys.take(second), true);
    assert.equal(keys.epoch, 2);
    assert.equal(keys.take(second), false);
    assert.equal(keys.take(first), false);
    assert.equal(keys.epoch, 2);
    const other = await createAuthority({ fleetId: "fleet-2", nats: createNatsAuthority(), nowMs: NOW_MS });
    assert.throws(() => keys.take(other), { code: "precondition-failed", message: /fleet-2, not of fleet-1/u });
  });

  void it("change nothing when they cannot be kept", async () => {
    const clock = new VirtualClock(NOW_MS);
    const keys = await fleetKeys(clock, { save: () => Promise.reject(new Error("disk full")) });
    const { digest } = keys.trust;
    await assert.rejects(keys.rotateKeys(), /disk full/u);
    await assert.rejects(keys.rotateAuthority({ isDistrusting: false }), /disk full/u);
    assert.deepEqual([keys.epoch, keys.trust.digest], [1, digest]);
  });

  void it("show nothing secret where they are shown", async () => {
    const keys = await fleetKeys(new VirtualClock(NOW_MS));
    const shown = JSON.stringify([keys.view, { ...keys.trust }]);
    const { rootKeyPem, signingKeyPem, certificateAuthorities, nats } = keys.authority;
    const secrets = [rootKeyPem, signingKeyPem, ...certificateAuthorities.map(({ privateKeyPem }) => privateKeyPem)];
    for (const secret of [...secrets.map((pem) => pem?.split("\n")[1] ?? ""), ...Object.values(nats)]) {
      assert.ok(secret.length > 20 && !shown.includes(secret));
    }
    const { certificatePem } = await keys.issue(await keys.readRequest((await asker()).csr), CAM);
    assert.equal(deviceOfCertificate(certificatePem).device, "cam");
  });
});
