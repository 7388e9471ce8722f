import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { before, describe, it } from "node:test";
import fc from "fast-check";
import {
  type CertifiedKey,
  createCertificateAuthority,
  issueDeviceCertificate,
  issueServerCertificate,
} from "./certificate-authority.ts";
import { createCsr, readCsr } from "./certificate-request.ts";
import { createKey, keyDigestOf, keyPairOf, SIGNING } from "./key.ts";
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralNames,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "./library.ts";
import { COORDINATOR_NAME, deviceOfUri, deviceUri } from "./names.ts";
import {
  authorityOfChain,
  certificatesOf,
  deviceOfCertificate,
  fingerprintOf,
  isIssuedBy,
  requirePair,
} from "./read-certificate.ts";

const NOW_MS = Date.UTC(2026, 10, 29, 12);
const DAY_MS = 86_400_000;
const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/u).filter((text) => !(text in {}) && text !== "prototype");

let authority: CertifiedKey;
let deviceKey: string;
before(async () => {
  authority = await createCertificateAuthority({ fleetId: "home", nowMs: NOW_MS });
  deviceKey = await createKey();
});

describe("a device's certificate", () => {
  it("says which device, with which key, from when to when, for every name", async () => {
    const { publicKey, keyDigest } = await readCsr(await createCsr(deviceKey));
    await fc.assert(
      fc.asyncProperty(name, name, fc.integer({ min: 0, max: 3000 * DAY_MS }), async (tenant, device, laterMs) => {
        const nowMs = NOW_MS + laterMs;
        const pem = await issueDeviceCertificate(authority, { publicKey, tenant, device, nowMs });
        const second = Math.floor(nowMs / 1000) * 1000;
        const expected = { tenant, device, keyDigest, notBeforeMs: second - 300_000, notAfterMs: second + 7 * DAY_MS };
        assert.deepEqual(deviceOfCertificate(pem), expected);
        assert.deepEqual(deviceOfCertificate(new X509Certificate(pem).raw), expected);
        assert.equal(certificatesOf(pem).length, 2);
        assert.ok(isIssuedBy(pem, authority.certificatePem));
      }),
      { numRuns: 40 },
    );
    assert.equal(keyDigest, keyDigestOf(deviceKey));
  });

  it("has another serial number each time, of up to 128 bits", async () => {
    const request = await readCsr(await createCsr(deviceKey));
    const issue = (): Promise<string> =>
      issueDeviceCertificate(authority, { ...request, tenant: "t", device: "d", nowMs: NOW_MS });
    const serials = (await Promise.all(Array.from({ length: 30 }, issue))).map(
      (pem) => new X509Certificate(pem).serialNumber,
    );
    assert.equal(new Set(serials).size, 30);
    for (const serial of serials) assert.match(serial, /^[0-9A-F]{20,32}$/u);
  });

  it("is not issued for what is no name", async () => {
    const request = await readCsr(await createCsr(deviceKey));
    for (const device of ["", "a/b", "a b", "ä", "a,DNS:b", "..", "toString", "x".repeat(65), "a\n"]) {
      const issued = issueDeviceCertificate(authority, { ...request, tenant: "t", device, nowMs: NOW_MS });
      await assert.rejects(issued, { code: "invalid-argument" }, device);
    }
  });

  it("does not outlive its authority, and comes from none that has expired", async () => {
    const short = await createCertificateAuthority({ fleetId: "home", nowMs: NOW_MS, lifetimeMs: DAY_MS });
    const request = await readCsr(await createCsr(deviceKey));
    const issue = (nowMs: number): Promise<string> =>
      issueDeviceCertificate(short, { ...request, tenant: "t", device: "d", nowMs });
    assert.equal(deviceOfCertificate(await issue(NOW_MS)).notAfterMs, NOW_MS + DAY_MS);
    assert.equal(deviceOfCertificate(await issue(NOW_MS - DAY_MS)).notBeforeMs, NOW_MS - 300_000);
    await assert.rejects(issue(NOW_MS + DAY_MS), { code: "precondition-failed", message: /has expired/u });
    await assert.rejects(issue(0), { code: "precondition-failed", message: /before the time/u });
  });

  /** As an authority that was tricked, or a foreign one, might sign it. */
  async function certificateWith(names: JsonGeneralNames, usages: ExtendedKeyUsage[]): Promise<Buffer> {
    const keys = await keyPairOf(deviceKey);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: [{ CN: ["mpo://device/t/d"] }],
      keys,
      signingAlgorithm: SIGNING,
      extensions: [
        ...(usages.length === 0 ? [] : [new ExtendedKeyUsageExtension(usages)]),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
      ],
    });
    return Buffer.from(certificate.rawData);
  }

  it("is refused with any other name, or a second one", async () => {
    const url = (value: string): JsonGeneralNames[number] => ({ type: "url", value });
    const hostile: readonly JsonGeneralNames[] = [
      [],
      [url("mpo://device/t")],
      [url("mpo://device/t/d/")],
      [url("mpo://device/t/d/e")],
      [url("mpo://device/t/d?x")],
      [url("mpo://device//d")],
      [url("mpo://device/t/..")],
      [url("mpo://device/t/%64")],
      [url("mpo://device/t/d\n")],
      [url("mpo://device/t/d\0")],
      [url("mpo://device/t/d, DNS:x")],
      [url('mpo://device/t/d"')],
      [url("mpo://device/t/toString")],
      [url("MPO://device/t/d")],
      [url("https://device/t/d")],
      [url("mpo://device/t/d"), url("mpo://device/t/e")],
      [url("mpo://device/t/d"), { type: "dns", value: COORDINATOR_NAME }],
      [{ type: "dns", value: "mpo://device/t/d" }],
      [{ type: "dns", value: "URI:mpo://device/t/d" }],
      [{ type: "email", value: "x, URI:mpo://device/t/d" }],
    ];
    for (const names of hostile) {
      const der = await certificateWith(names, [ExtendedKeyUsage.clientAuth]);
      assert.throws(() => deviceOfCertificate(der), { code: "unauthenticated" }, JSON.stringify(names));
    }
    const sound = [url("mpo://device/t/d")];
    assert.equal(deviceOfCertificate(await certificateWith(sound, [ExtendedKeyUsage.clientAuth])).device, "d");
    for (const usages of [
      [],
      [ExtendedKeyUsage.serverAuth],
      [ExtendedKeyUsage.clientAuth, ExtendedKeyUsage.serverAuth],
    ]) {
      const der = await certificateWith(sound, usages);
      assert.throws(() => deviceOfCertificate(der), { code: "unauthenticated" });
    }
  });

  it("is not read from anything else", async () => {
    const server = await issueServerCertificate(authority, { dnsNames: [COORDINATOR_NAME], nowMs: NOW_MS });
    for (const other of [authority.certificatePem, server.certificatePem, "", "x".repeat(70_000), new Uint8Array(3)]) {
      assert.throws(() => deviceOfCertificate(other), { code: "unauthenticated" });
    }
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        assert.throws(() => deviceOfCertificate(bytes), { code: "unauthenticated" });
      }),
    );
  });

  it("has a URI that is read back as it was written, and no other", () => {
    fc.assert(
      fc.property(name, name, (tenant, device) => {
        assert.deepEqual(deviceOfUri(deviceUri({ tenant, device })), { tenant, device });
      }),
    );
    fc.assert(
      fc.property(fc.string(), fc.string(), (tenant, device) => {
        const read = deviceOfUri(deviceUri({ tenant, device }));
        if (read !== undefined) assert.deepEqual(read, { tenant, device });
      }),
    );
  });
});

describe("a server's certificate", () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/u);
  const dnsName = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));

  it("is for the names and addresses that were asked for, and no other", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(dnsName, { minLength: 1, maxLength: 3 }),
        fc.uniqueArray(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 3 }),
        async (dnsNames, ipAddresses) => {
          const { certificatePem, privateKeyPem } = await issueServerCertificate(authority, {
            dnsNames,
            ipAddresses,
            nowMs: NOW_MS,
          });
          const certificate = new X509Certificate(certificatePem);
          for (const host of dnsNames) assert.equal(certificate.checkHost(host), host);
          for (const address of ipAddresses) assert.notEqual(certificate.checkIP(address), undefined, address);
          assert.equal(certificate.subjectAltName?.split(", ").length, dnsNames.length + ipAddresses.length);
          assert.equal(certificate.checkHost("other.example"), undefined);
          requirePair(certificatePem, privateKeyPem);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("is not issued for what is no name or address, or for none", async () => {
    const bad = [
      { dnsNames: [] },
      { dnsNames: ["*.example"] },
      { dnsNames: ["a b"] },
      { dnsNames: ["A.example"] },
      { dnsNames: ["a..b"] },
      { dnsNames: [`${"a.".repeat(127)}a`] },
      { dnsNames: ["a"], ipAddresses: ["1.2.3"] },
      { dnsNames: ["a"], ipAddresses: ["localhost"] },
      { dnsNames: ["a"], ipAddresses: ["fe80::1%eth0"] },
    ];
    for (const names of bad) {
      const issued = issueServerCertificate(authority, { ...names, nowMs: NOW_MS });
      await assert.rejects(issued, { code: "invalid-argument" }, JSON.stringify(names));
    }
  });

  it("and a key that is not its own are refused", async () => {
    const [one, two] = (await Promise.all(
      ["one", "two"].map((host) => issueServerCertificate(authority, { dnsNames: [host], nowMs: NOW_MS })),
    )) as [CertifiedKey, CertifiedKey];
    assert.throws(() => requirePair(one.certificatePem, two.privateKeyPem), {
      code: "invalid-data",
      message: /are not a pair/u,
    });
    assert.throws(() => requirePair(one.privateKeyPem, one.certificatePem), { code: "invalid-data" });
    assert.throws(() => requirePair(one.certificatePem, one.privateKeyPem.slice(0, 60)), { code: "invalid-data" });
  });
});

describe("an authority", () => {
  it("is known by its fingerprint, and vouches for what it signed alone", async () => {
    const other = await createCertificateAuthority({ fleetId: "home", nowMs: NOW_MS });
    const { certificatePem } = await issueServerCertificate(authority, { dnsNames: ["a"], nowMs: NOW_MS });
    const [leaf, above] = certificatesOf(certificatePem) as [X509Certificate, X509Certificate];
    assert.equal(fingerprintOf(above.raw), fingerprintOf(authority.certificatePem));
    assert.equal(fingerprintOf(above.raw), above.fingerprint256.replaceAll(":", "").toLowerCase());
    assert.notEqual(fingerprintOf(authority.certificatePem), fingerprintOf(other.certificatePem));
    assert.ok(isIssuedBy(leaf.raw, authority.certificatePem));
    assert.ok(!isIssuedBy(leaf.raw, other.certificatePem));
    assert.ok(!isIssuedBy(leaf.raw, leaf.raw));
  });

  it("is believed by its fingerprint only with a certificate that it issued", async () => {
    const [other, shown] = await Promise.all([
      createCertificateAuthority({ fleetId: "home", nowMs: NOW_MS }),
      issueServerCertificate(authority, { dnsNames: ["a"], nowMs: NOW_MS }),
    ]);
    const fingerprint = fingerprintOf(authority.certificatePem);
    assert.equal(authorityOfChain(shown.certificatePem, fingerprint), authority.certificatePem);
    const foreign = (await issueServerCertificate(other, { dnsNames: ["a"], nowMs: NOW_MS })).certificatePem;
    // Another fleet's; with our authority's certificate, which is public, beside it; and ours with the authority left out.
    for (const chain of [
      foreign,
      foreign + authority.certificatePem,
      shown.certificatePem.split("-----END")[0] ?? "",
    ]) {
      assert.throws(() => authorityOfChain(chain, fingerprint), { code: /unauthenticated|invalid-data/u });
    }
    assert.throws(() => authorityOfChain(other.certificatePem, fingerprint), { code: "unauthenticated" });
  });

  it("is for no fleet without a name", async () => {
    await assert.rejects(createCertificateAuthority({ fleetId: 'a"b', nowMs: NOW_MS }), { code: "invalid-argument" });
  });
});

describe("a certificate request", () => {
  it("is refused when it is too long, cut, changed, or not one", async () => {
    const csr = await createCsr(deviceKey);
    await assert.rejects(readCsr(new Uint8Array(2049)), { code: "invalid-argument", message: /2049 bytes/u });
    for (let at = 0; at < csr.length; at += 1) {
      await assert.rejects(readCsr(csr.slice(0, at)), { code: "invalid-argument" });
      const changed = csr.slice();
      changed[at] = (changed[at] as number) ^ 0x01;
      // A changed byte of the outer form may still leave the same request; it never gives another key.
      const key = await readCsr(changed).catch((thrown: unknown) => {
        assert.equal((thrown as { code?: unknown }).code, "invalid-argument");
      });
      if (key !== undefined) assert.equal(key.keyDigest, keyDigestOf(deviceKey));
    }
    // Nested as deep as its length allows.
    const deep = new Uint8Array(2048).map((_, at) => (at % 2 === 0 ? 0x30 : 0x80));
    await assert.rejects(readCsr(deep), { code: "invalid-argument" });
  });

  it("is refused when somebody else's key has signed it", async () => {
    const [own, foreign] = [await keyPairOf(deviceKey), await keyPairOf(await createKey())];
    const keys = { publicKey: own.publicKey, privateKey: foreign.privateKey };
    const request = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: SIGNING });
    await assert.rejects(readCsr(new Uint8Array(request.rawData)), {
      code: "invalid-argument",
      message: /not signed by the key/u,
    });
  });

  it("is for P-256 alone", async () => {
    const { subtle } = globalThis.crypto;
    for (const algorithm of [
      { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" },
      { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    ]) {
      const keys = await subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const request = await Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: algorithm });
      await assert.rejects(readCsr(new Uint8Array(request.rawData)), { code: "invalid-argument", message: /P-256/u });
    }
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "secp384r1" });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    await assert.rejects(createCsr(pem), { code: "invalid-data", message: /P-256/u });
  });
});
