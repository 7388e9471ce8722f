import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { createKey, keyDigestOf, keyPairOf, SIGNING } from "./key.ts";
import {
  BasicConstraintsExtension,
  type JsonGeneralNames,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "./library.ts";
import { readSanPattern } from "./san-pattern.ts";

const url = (value: string): JsonGeneralNames[number] => ({ type: "url", value });
const dns = (value: string): JsonGeneralNames[number] => ({ type: "dns", value });

describe("a pattern of names that another authority gives", () => {
  let key: string;
  before(async () => {
    key = await createKey();
  });

  async function certificate(names: JsonGeneralNames, isAuthority = false): Promise<Uint8Array> {
    const { rawData } = await X509CertificateGenerator.createSelfSigned({
      name: "CN=spiffe://acme/t/d",
      keys: await keyPairOf(key),
      signingAlgorithm: SIGNING,
      extensions: [
        new BasicConstraintsExtension(isAuthority, undefined, true),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
      ],
    });
    return new Uint8Array(rawData);
  }

  it("finds the device, its tenant, and its key", async () => {
    const spiffe = readSanPattern("spiffe://acme/{tenant}/{device}");
    const found = spiffe(await certificate([dns("cam.acme.com"), url("spiffe://acme/plant-1/Cam_2")]));
    assert.deepEqual([found.tenant, found.device, found.keyDigest], ["plant-1", "Cam_2", keyDigestOf(key)]);
    const byDns = readSanPattern("{device}.devices.Acme.com");
    const { tenant, device } = byDns(await certificate([dns("CAM-1.Devices.acme.com"), dns("cam-1.devices.acme.com")]));
    assert.deepEqual([tenant, device], ["default", "cam-1"]);
  });

  it("finds none in names that only look alike, nor in several", async () => {
    const spiffe = readSanPattern("spiffe://acme/{tenant}/{device}");
    const byDns = readSanPattern("{device}.devices.acme.com");
    for (const names of [
      [],
      [url("spiffe://acme/t/d/e")],
      [url("spiffe://acme/t/")],
      [url("spiffe://acme/t/d?x")],
      [url("xspiffe://acme/t/d")],
      [url("spiffe://ACME/t/d")],
      [url("spiffe://acme/../d")],
      [url("spiffe://acme/__proto__/d")],
      [dns("spiffe://acme/t/d")],
      [url("spiffe://acme/t/d"), url("spiffe://acme/t/e")],
      [url("http://x, URI:spiffe://acme/t/d")],
    ]) {
      const bytes = await certificate(names);
      assert.throws(() => spiffe(bytes), { code: "unauthenticated" }, JSON.stringify(names));
    }
    for (const name of [
      "a.b.devices.acme.com",
      "devices.acme.com",
      "a.devices.acme.com.evil",
      "a.devicesxacme.com",
      "*.devices.acme.com",
    ]) {
      const bytes = await certificate([dns(name)]);
      assert.throws(() => byDns(bytes), { code: "unauthenticated" }, name);
    }
    const authority = await certificate([url("spiffe://acme/t/d")], true);
    assert.throws(() => spiffe(authority), { code: "unauthenticated" });
  });

  it("has the device's name once, and takes nobody's of our own", () => {
    for (const pattern of [
      "",
      "acme",
      "{tenant}.acme",
      "{device}{device}",
      "{device",
      "{x}{device}",
      "mpo://device/{tenant}/{device}",
      "MPO://x/{device}",
      `{device}${"x".repeat(256)}`,
    ]) {
      assert.throws(() => readSanPattern(pattern), { code: "invalid-argument" }, pattern);
    }
  });
});
