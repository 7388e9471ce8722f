import { createHash } from "node:crypto";
import { MpoError } from "@mpo/core";
import { SECRET_BYTES, type SecretKind, secretBytes, secretOf } from "./secret.ts";

/** All that a device, a person or a program needs to get into a fleet. */
export interface Invitation {
  /** Of coordinators: host and port, 1 to 8. */
  readonly addresses: readonly string[];
  /** SHA-256 of the certificate of the fleet's authority (DER): the only one to trust. */
  readonly caDigest: string;
  readonly secret: string;
}

/** A kind of line that holds an invitation. */
interface Line {
  readonly name: string;
  readonly prefix: string;
  /** Of the secret in it. */
  readonly kind: SecretKind;
  readonly madeBy: string;
}

const JOIN: Line = { name: "join string", prefix: "mpo-join-", kind: "join", madeBy: "mpo token create" };
const LOGIN: Line = { name: "login string", prefix: "mpo-login-", kind: "operator", madeBy: "mpo access create" };

const VERSION = 1;
const MAX_ADDRESSES = 8;
const ADDRESS = /^[!-~]{1,255}$/u;
const DIGEST_BYTES = 32;
/** Version, and the length of all, in two bytes. */
const HEAD_BYTES = 3;
const CHECKSUM_BYTES = 4;
/** Characters; whoever is handed more has been handed something else. */
const MAX_LENGTH = 4096;

/** The line with which a device joins. */
export function joinString(invitation: Invitation): string {
  return written(JOIN, invitation);
}

/** The line with which a person or program logs in. */
export function loginString(invitation: Invitation): string {
  return written(LOGIN, invitation);
}

/** Reads a join string; blanks and line breaks that copying added do no harm. Throws an error that says nothing of it. */
export function readJoinString(text: string): Invitation {
  return read(JOIN, text);
}

/** Reads a login string, likewise. */
export function readLoginString(text: string): Invitation {
  return read(LOGIN, text);
}

/**
 * An invitation on one line that can be copied: after its prefix, in base64url, version, length, digest, secret, each
 * address after its length, and a checksum.
 */
function written({ name, prefix, kind }: Line, { addresses, caDigest, secret }: Invitation): string {
  const bytes = secretBytes(kind, secret);
  if (
    addresses.length < 1 ||
    addresses.length > MAX_ADDRESSES ||
    !addresses.every((address) => ADDRESS.test(address))
  ) {
    throw new MpoError(
      "invalid-argument",
      `a ${name} takes 1 to ${MAX_ADDRESSES} addresses of up to 255 characters without spaces`,
    );
  }
  if (!/^[0-9a-f]{64}$/u.test(caDigest) || bytes === undefined) {
    throw new MpoError("internal", `a ${name} takes the SHA-256 of a certificate and a secret of its kind`);
  }
  const body = Buffer.concat([
    Buffer.from(caDigest, "hex"),
    bytes,
    ...addresses.flatMap((address) => [Buffer.from([address.length]), Buffer.from(address)]),
  ]);
  const head = Buffer.from([VERSION, 0, 0]);
  head.writeUInt16BE(HEAD_BYTES + body.length + CHECKSUM_BYTES, 1);
  const summed = Buffer.concat([head, body]);
  return prefix + Buffer.concat([summed, checksum(summed)]).toString("base64url");
}

function read(line: Line, text: string): Invitation {
  const found = text.length > MAX_LENGTH ? "" : text.replaceAll(/\s/gu, "");
  if (!found.startsWith(line.prefix)) throw refused(line, `is not one: expected ${line.prefix} and what follows it`);
  const encoded = found.slice(line.prefix.length);
  if (!/^[\w-]*$/u.test(encoded)) throw refused(line, "holds characters that do not belong to it");
  const bytes = Buffer.from(encoded, "base64url");
  const [version] = bytes;
  if (version !== undefined && version !== VERSION)
    throw refused(line, "is of another version than this program reads");
  const length = bytes.length < HEAD_BYTES ? HEAD_BYTES : bytes.readUInt16BE(1);
  if (bytes.length < length) throw refused(line, "is cut short: its end is missing");
  if (bytes.length > length) throw refused(line, "has something behind its end");
  const summed = bytes.subarray(0, -CHECKSUM_BYTES);
  if (!checksum(summed).equals(bytes.subarray(-CHECKSUM_BYTES))) {
    throw refused(line, "was changed: its checksum is wrong");
  }
  const secretAt = HEAD_BYTES + DIGEST_BYTES;
  const addresses = addressesIn(summed.subarray(secretAt + SECRET_BYTES));
  if (addresses === undefined) throw refused(line, "has an address that is not one, or no address, or too many");
  return {
    addresses,
    caDigest: summed.subarray(HEAD_BYTES, secretAt).toString("hex"),
    secret: secretOf(line.kind, summed.subarray(secretAt, secretAt + SECRET_BYTES)),
  };
}

/** Undefined where they are not some addresses. */
function addressesIn(bytes: Buffer): readonly string[] | undefined {
  const addresses: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + (bytes[at] as number);
    const address = bytes.toString("latin1", at + 1, end);
    if (end > bytes.length || !ADDRESS.test(address)) return undefined;
    addresses.push(address);
    at = end;
  }
  return addresses.length < 1 || addresses.length > MAX_ADDRESSES ? undefined : addresses;
}

/** Against slips of the hand; what it vouches for is checked by whoever is asked to let somebody in. */
function checksum(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest().subarray(0, CHECKSUM_BYTES);
}

function refused({ name, madeBy }: Line, reason: string): MpoError {
  return new MpoError("invalid-argument", `the ${name} ${reason}`, {
    hint: `Copy the whole line that \`${madeBy}\` printed, or make a new one. A file that holds it is given as @FILE.`,
  });
}
