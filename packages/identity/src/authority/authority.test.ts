import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { inspect } from "node:util";
import type { MpoError } from "@mpo/core";
import { createSigningKey, signDocument, verifyDocument, verifyKeyDocument } from "../signing/index.ts";
import { createCsr, createDeviceKey, isIssuedBy, issueDeviceCertificate, readCsr } from "../x509/index.ts";
import {
  type Authority,
  checkedAuthority,
  createAuthority,
  keyDocumentOf,
  rotateCertificateAuthority,
  rotateSigningKey,
  trustedCertificates,
} from "./authority.ts";
import { readAuthority, writeAuthority } from "./authority-file.ts";
import { readPrivateFile } from "./private-file.ts";
import { readWrappingKey, unwrapAuthority, wrapAuthority } from "./wrapped-authority.ts";

const NOW_MS = Date.UTC(2026, 10, 29);
const DAY_MS = 86_400_000;
const NATS: Authority["nats"] = {
  operatorSeed: "SOAAAAAAAAAA",
  accountSeed: "SAAAAAAAAAAA",
  deviceAccountSeed: "SAAAAAAAAAAA",
  deviceSigningSeed: "SAAAAAAAAAAB",
  systemAccountSeed: "SAAAAAAAAAAC",
  systemUserSeed: "SUAAAAAAAAAA",
  coordinatorSeed: "SUAAAAAAAAAB",
};

let authority: Authority;
let scratch: string;
before(async () => {
  authority = await createAuthority({ fleetId: "home", nats: NATS, nowMs: NOW_MS });
  scratch = await mkdtemp(join(tmpdir(), "mpo-authority-"));
});
after(() => rm(scratch, { recursive: true }));

/** All that must never be shown: lines of keys, and seeds. */
function secretsOf({ certificateAuthorities, rootKeyPem = "", signingKeyPem, nats }: Authority): readonly string[] {
  const keys = [...certificateAuthorities.map(({ privateKeyPem }) => privateKeyPem), rootKeyPem, signingKeyPem];
  return [...keys.flatMap((key) => key.split("\n").filter((line) => line.length > 20)), ...Object.values(nats)];
}

/** Refused with a code and words; nothing of what was thrown shows a secret. */
function refusal(code: string, says: RegExp): (thrown: MpoError) => boolean {
  return (thrown) => {
    assert.equal(thrown.code, code, thrown.message);
    assert.match(thrown.message, says);
    const shown = inspect(thrown, { depth: 9, showHidden: true });
    for (const secret of secretsOf(authority)) assert.ok(!shown.includes(secret.slice(0, 12)), shown);
    return true;
  };
}

describe("an authority", () => {
  it("issues certificates and signs documents that its own public parts vouch for", async () => {
    const [newest] = authority.certificateAuthorities;
    const request = await readCsr(await createCsr(await createDeviceKey()));
    const device = { tenant: "t", device: "d", nowMs: NOW_MS };
    const pem = await issueDeviceCertificate(newest as NonNullable<typeof newest>, { ...request, ...device });
    assert.ok(isIssuedBy(pem, trustedCertificates(authority)));
    const keys = verifyKeyDocument(authority.rootPublic, keyDocumentOf(authority), 1);
    verifyDocument(keys, Buffer.from("x"), signDocument(authority.signingKeyPem, Buffer.from("x")));
    assert.equal(keys.epoch, 1);
    assert.equal(keys.issuedAtMs, NOW_MS);
  });

  it("lets a new certificate authority issue, and trusts those before it until they end", async () => {
    const laterMs = NOW_MS + 3000 * DAY_MS;
    const next = await rotateCertificateAuthority(authority, { nowMs: laterMs });
    assert.deepEqual(next.certificateAuthorities.slice(1), authority.certificateAuthorities);
    assert.equal(trustedCertificates(next).match(/BEGIN CERTIFICATE/gu)?.length, 2);
    const third = await rotateCertificateAuthority(next, { nowMs: NOW_MS + 3651 * DAY_MS });
    assert.deepEqual(third.certificateAuthorities.slice(1), next.certificateAuthorities.slice(0, 1));
    const alone = await rotateCertificateAuthority(next, { nowMs: laterMs, keepsOlder: false });
    assert.equal(alone.certificateAuthorities.length, 1);
    for (const made of [next, third, alone]) assert.deepEqual(checkedAuthority(made, "here"), made);
  });

  it("trusts no more of them than a file may hold", async () => {
    let grown = authority;
    while (grown.certificateAuthorities.length < 8) grown = await rotateCertificateAuthority(grown, { nowMs: NOW_MS });
    assert.deepEqual(checkedAuthority(grown, "here"), grown);
    await assert.rejects(
      rotateCertificateAuthority(grown, { nowMs: NOW_MS }),
      refusal("precondition-failed", /trusts 8 certificate authorities already/u),
    );
  });

  it("retires its signing key by raising the epoch", () => {
    const signature = signDocument(authority.signingKeyPem, Buffer.from("x"));
    const next = rotateSigningKey(authority, { nowMs: NOW_MS + 1 });
    const keys = verifyKeyDocument(authority.rootPublic, keyDocumentOf(next), 2);
    assert.equal(keys.epoch, 2);
    assert.throws(() => verifyDocument(keys, Buffer.from("x"), signature), { code: "unauthenticated" });
    assert.throws(() => verifyKeyDocument(authority.rootPublic, keyDocumentOf(authority), 2), {
      code: "unauthenticated",
    });
    verifyDocument(keys, Buffer.from("x"), signDocument(next.signingKeyPem, Buffer.from("x")));
    assert.deepEqual(checkedAuthority(next, "here"), next);
  });

  it("may keep its root key elsewhere, which is then given for a new signing key", () => {
    const { rootKeyPem, ...online } = authority;
    assert.deepEqual(checkedAuthority(online, "here"), online);
    assert.throws(() => rotateSigningKey(online, { nowMs: NOW_MS }), refusal("precondition-failed", /kept elsewhere/u));
    const foreign = createSigningKey();
    assert.throws(
      () => rotateSigningKey(online, { nowMs: NOW_MS, rootKeyPem: foreign }),
      refusal("invalid-argument", /another fleet's/u),
    );
    const next = rotateSigningKey(online, { nowMs: NOW_MS, rootKeyPem });
    assert.equal(next.rootKeyPem, undefined);
    assert.equal(verifyKeyDocument(authority.rootPublic, keyDocumentOf(next), 0).epoch, 2);
  });
});

describe("an authority's file", () => {
  let folder: string;
  let path: string;
  before(async () => {
    folder = join(scratch, "state", "authority");
    path = join(folder, "authority.json");
    await writeAuthority(folder, authority);
  });

  it("holds it all, for its owner alone", async () => {
    assert.deepEqual(await readAuthority(folder), authority);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    const next = rotateSigningKey(authority, { nowMs: NOW_MS });
    await writeAuthority(folder, next);
    assert.deepEqual(await readAuthority(folder), next);
    await writeAuthority(folder, authority);
    assert.deepEqual(await readdir(folder), ["authority.json"]);
    await assert.rejects(readAuthority(join(scratch, "nowhere")), { code: "not-found" });
  });

  it("is refused where others can read it or enter its folder", async () => {
    for (const mode of [0o640, 0o604, 0o620, 0o601, 0o777]) {
      await chmod(path, mode);
      await assert.rejects(readAuthority(folder), (thrown: MpoError) => {
        assert.match(thrown.hint ?? "", /chmod 600 .*authority\.json/u);
        return refusal("precondition-failed", /authority\.json is open to others .*expected 600/u)(thrown);
      });
    }
    await chmod(path, 0o600);
    for (const mode of [0o750, 0o705, 0o711, 0o722]) {
      await chmod(folder, mode);
      const says = refusal("precondition-failed", /authority is open to others .*expected 700/u);
      await assert.rejects(readAuthority(folder), says);
      await assert.rejects(writeAuthority(folder, authority), says);
    }
    await chmod(folder, 0o700);
    assert.deepEqual(await readAuthority(folder), authority);
  });

  async function refusedAs(text: string, code: string, says: RegExp): Promise<void> {
    const bad = join(scratch, "bad");
    await mkdir(bad, { mode: 0o700, recursive: true });
    await writeFile(join(bad, "authority.json"), text, { mode: 0o600 });
    await assert.rejects(readAuthority(bad), (thrown: MpoError) => {
      assert.match(thrown.message, /bad\/authority\.json/u);
      return refusal(code, says)(thrown);
    });
  }

  it("is refused when it was half written, is no JSON, too long, or a folder", async () => {
    const text = await readFile(path, "utf8");
    for (const length of [0, 1, 300, Math.floor(text.length / 2), text.length - 3]) {
      await refusedAs(text.slice(0, length), "invalid-data", /is not valid JSON: it was cut short or changed/u);
    }
    await refusedAs(text.replace("{", `{ "x": ${NATS.operatorSeed} `), "invalid-data", /is not valid JSON/u);
    await refusedAs(`${text}${" ".repeat(262_144)}`, "invalid-data", /expected at most 262144/u);
    // A power cut that leaves zeros.
    const zeros = join(scratch, "zeros");
    await writeAuthority(zeros, authority);
    await truncate(join(zeros, "authority.json"), 0);
    await truncate(join(zeros, "authority.json"), 5000);
    await assert.rejects(readAuthority(zeros), refusal("invalid-data", /is not valid JSON/u));
    const instead = join(scratch, "instead");
    await mkdir(join(instead, "authority.json"), { mode: 0o700, recursive: true });
    await chmod(instead, 0o700);
    await assert.rejects(readAuthority(instead), refusal("precondition-failed", /is not a file/u));
  });

  it("is refused when a part of it is missing, another's, or of another version", async () => {
    const other = await createAuthority({ fleetId: "other", nats: NATS, nowMs: NOW_MS });
    const [own, foreign] = [authority, other].map((of) => of.certificateAuthorities[0]) as [
      Authority["certificateAuthorities"][0],
      Authority["certificateAuthorities"][0],
    ];
    const swapped = { certificatePem: own.certificatePem, privateKeyPem: foreign.privateKeyPem };
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ version: 2 }, /version is 2; expected/u],
      [{ fleetId: "a/b" }, /fleetId is "a\/b"/u],
      [{ signingKeyPem: undefined }, /signingKeyPem is absent/u],
      [{ signingKeyPem: "x\u0007" }, /signingKeyPem is \[secret\]/u],
      [{ signingKeyPem: own.privateKeyPem }, /not a private key of Ed25519/u],
      [{ certificateAuthorities: [] }, /list of 0; expected a list of 1 to 8/u],
      [{ certificateAuthorities: [swapped] }, /certificate and the private key are not a pair/u],
      [{ certificateAuthorities: [{ ...own, certificatePem: "x" }] }, /not a certificate/u],
      [{ rootKeyPem: other.rootKeyPem }, /root key and its public key are not a pair/u],
      [{ rootPublic: other.rootPublic, rootKeyPem: undefined }, /not signed by the fleet's root key/u],
      [{ signingKeyPem: other.signingKeyPem }, /signing key is not one of those/u],
      [{ keyDocument: other.keyDocument }, /not signed by the fleet's root key/u],
      [{ nats: {} }, /nats\.operatorSeed is absent/u],
    ];
    for (const [change, says] of cases) {
      await refusedAs(JSON.stringify({ ...authority, ...change }), "invalid-data", says);
    }
    for (const text of ["null", "[]", '"x"', "{}"]) await refusedAs(text, "invalid-data", /expected|absent/u);
  });
});

describe("a wrapped authority", () => {
  const key = new Uint8Array(32).fill(7);

  it("is read with its key alone, and no byte of it can be changed", () => {
    const bytes = wrapAuthority(authority, key);
    assert.deepEqual(unwrapAuthority(bytes, key), authority);
    assert.notDeepEqual(wrapAuthority(authority, key).subarray(0, 12), bytes.subarray(0, 12));
    for (const secret of secretsOf(authority)) assert.ok(!Buffer.from(bytes).includes(secret));
    const says = refusal("precondition-failed", /wrapped with another key, or was changed/u);
    assert.throws(() => unwrapAuthority(bytes, new Uint8Array(32).fill(8)), says);
    for (let at = 0; at < bytes.length; at += at < 40 ? 1 : 101) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ 1;
      assert.throws(() => unwrapAuthority(changed, key), says);
      assert.throws(() => unwrapAuthority(bytes.slice(0, at), key), says);
    }
  });

  it("takes a key file of 32 bytes that is its owner's alone", async () => {
    const folder = join(scratch, "keys");
    const path = join(folder, "key");
    await mkdir(folder, { mode: 0o700 });
    await writeFile(path, key, { mode: 0o600 });
    assert.deepEqual(new Uint8Array(await readWrappingKey(path)), key);
    await chmod(path, 0o644);
    await assert.rejects(readWrappingKey(path), { code: "precondition-failed", message: /open to others/u });
    for (const bytes of [new Uint8Array(), new Uint8Array(31), new Uint8Array(33), Buffer.from("hunter2")]) {
      await chmod(path, 0o600);
      await writeFile(path, bytes);
      await assert.rejects(readWrappingKey(path), { code: "invalid-data", message: /expected a key of 32/u });
    }
    await assert.rejects(readPrivateFile(path, { maxBytes: 1, signal: AbortSignal.abort() }), { code: "cancelled" });
  });
});
