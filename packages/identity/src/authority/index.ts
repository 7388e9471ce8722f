export {
  type Authority,
  checkedAuthority,
  createAuthority,
  epochOf,
  keyDocumentOf,
  rotateCertificateAuthority,
  rotateSigningKey,
  trustedCertificates,
  withRetired,
} from "./authority.ts";
export { readAuthority, writeAuthority } from "./authority-file.ts";
export { readPrivateFile, readPrivateJson, writePrivateFile, writePrivateJson } from "./private-file.ts";
export { readWrappingKey, unwrapAuthority, wrapAuthority } from "./wrapped-authority.ts";
