export {
  CERTIFICATE_LIFETIME_MS,
  type CertifiedKey,
  createCertificateAuthority,
  isDnsName,
  issueDeviceCertificate,
  issueServerCertificate,
} from "./certificate-authority.ts";
export { createCsr, type RequestedKey, readCsr } from "./certificate-request.ts";
export { type ExternalPair, readAuthorities, readExternalPair } from "./external-files.ts";
export { createKey as createDeviceKey, keyDigestOf } from "./key.ts";
export { COORDINATOR_NAME, NATS_NAME } from "./names.ts";
export {
  authorityOfChain,
  type DeviceIdentity,
  deviceOfCertificate,
  fingerprintOf,
  isIssuedBy,
  requirePair,
  validityOf,
} from "./read-certificate.ts";
export { type HeldIdentity, RenewingCertificate } from "./renewing-certificate.ts";
export { readSanPattern } from "./san-pattern.ts";
