export {
  type Authority,
  createAuthority,
  keyDocumentOf,
  rotateCertificateAuthority,
  rotateSigningKey,
  trustedCertificates,
} from "./authority.ts";
export { readAuthority, writeAuthority } from "./authority-file.ts";
export { readPrivateFile, readPrivateJson, writePrivateFile, writePrivateJson } from "./private-file.ts";
export { readWrappingKey, unwrapAuthority, wrapAuthority } from "./wrapped-authority.ts";
