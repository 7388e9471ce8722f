import { X509Certificate } from "node:crypto";
import { isName, MpoError } from "@mpo/core";
import { digestOfKey } from "./key.ts";
import { IssuerCertificate, SubjectAlternativeNameExtension } from "./library.ts";
import { type DeviceIdentity, validityOf } from "./read-certificate.ts";

const PLACE = /\{(tenant|device)\}/gu;
const SPECIAL = /[.*+?^${}()|[\]\\]/gu;
/** Of devices whose names in certificates say no tenant. */
const DEFAULT_TENANT = "default";
const HINT =
  'Say where the names are: "spiffe://acme/{tenant}/{device}" in a URI, "{device}.devices.acme.com" in a DNS name.';

/**
 * How another authority names devices: a pattern of a URI or DNS name of their certificates. Returns what reads the device
 * of a certificate that TLS has verified, and throws `unauthenticated` where it has none of such names, or several.
 */
export function readSanPattern(pattern: string): (certificate: Uint8Array) => DeviceIdentity {
  const places = [...pattern.matchAll(PLACE)].map(([, name]) => name);
  const isRepeated = new Set(places).size !== places.length;
  if (!places.includes("device") || isRepeated || /[{}]/u.test(pattern.replace(PLACE, "")) || pattern.length > 256) {
    const message = `${JSON.stringify(pattern.slice(0, 256))} does not say once where a device's name is`;
    throw new MpoError("invalid-argument", message, { hint: HINT });
  }
  const type = pattern.includes("://") ? "url" : "dns";
  if (/^mpo:/iu.test(pattern)) {
    throw new MpoError("invalid-argument", "names of mpo: are for the fleet's own authority", { hint: HINT });
  }
  const escaped = pattern
    .split(PLACE)
    .map((part, at) => (at % 2 === 0 ? part.replace(SPECIAL, "\\$&") : `(?<${part}>[\\w-]{1,64})`));
  // Capitals in a DNS name count for nothing, so that a device has one name.
  const shape = new RegExp(`^${type === "dns" ? escaped.join("").toLowerCase() : escaped.join("")}$`, "u");
  return (certificate) => {
    const parsed = new X509Certificate(certificate);
    const found = new Map<string, { readonly tenant: string; readonly device: string }>();
    for (const name of namesOf(parsed)) {
      const text = type === "dns" ? name.value.toLowerCase() : name.value;
      const { tenant = DEFAULT_TENANT, device } = (name.type === type && shape.exec(text)?.groups) || {};
      if (isName(tenant) && isName(device)) found.set(`${tenant}/${device}`, { tenant, device });
    }
    const [device, ...others] = found.values();
    if (device === undefined || others.length > 0 || parsed.ca) {
      const what = device === undefined ? `no device by the pattern ${pattern}` : "several devices";
      throw new MpoError("unauthenticated", `this certificate names ${what}`, {
        hint: "Its authority has to name one, or the coordinator's --client-san has to fit.",
      });
    }
    return { ...device, keyDigest: digestOfKey(parsed.publicKey), ...validityOf(parsed) };
  };
}

/** By a parser of the encoding: in text, one name can look like several. */
function namesOf({ raw }: X509Certificate): readonly { readonly type: string; readonly value: string }[] {
  return new IssuerCertificate(raw).getExtension(SubjectAlternativeNameExtension)?.names.toJSON() ?? [];
}
