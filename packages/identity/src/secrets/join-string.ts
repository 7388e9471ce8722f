import { createHash } from "node:crypto";
import { MpoError } from "@mpo/core";
import { joinSecretBytes, joinSecretOf, SECRET_BYTES } from "./secret.ts";

/** All that a device needs to get into a fleet. */
export interface Invitation {
  /** Of coordinators: host and port, 1 to 8. */
  readonly addresses: readonly string[];
  /** SHA-256 of the certificate of the fleet's authority (DER): the only one to trust. */
  readonly caDigest: string;
  readonly secret: string;
}

const PREFIX = "mpo-join-";
const VERSION = 1;
const MAX_ADDRESSES = 8;
const ADDRESS = /^[!-~]{1,255}$/u;
const DIGEST_BYTES = 32;
/** Version, and the length of all, in two bytes. */
const HEAD_BYTES = 3;
const CHECKSUM_BYTES = 4;
/** Characters; whoever is handed more has been handed something else. */
const MAX_LENGTH = 4096;

/**
 * An invitation on one line that can be copied: after its prefix, in base64url, version, length, digest, secret, each
 * address after its length, and a checksum.
 */
export function joinString({ addresses, caDigest, secret }: Invitation): string {
  const secretBytes = joinSecretBytes(secret);
  if (
    addresses.length < 1 ||
    addresses.length > MAX_ADDRESSES ||
    !addresses.every((address) => ADDRESS.test(address))
  ) {
    throw new MpoError(
      "invalid-argument",
      `a join string takes 1 to ${MAX_ADDRESSES} addresses of up to 255 characters without spaces`,
    );
  }
  if (!/^[0-9a-f]{64}$/u.test(caDigest) || secretBytes === undefined) {
    throw new MpoError("internal", "a join string takes the SHA-256 of a certificate and a join secret");
  }
  const body = Buffer.concat([
    Buffer.from(caDigest, "hex"),
    secretBytes,
    ...addresses.flatMap((address) => [Buffer.from([address.length]), Buffer.from(address)]),
  ]);
  const head = Buffer.from([VERSION, 0, 0]);
  head.writeUInt16BE(HEAD_BYTES + body.length + CHECKSUM_BYTES, 1);
  const summed = Buffer.concat([head, body]);
  return PREFIX + Buffer.concat([summed, checksum(summed)]).toString("base64url");
}

/** Reads a join string; blanks and line breaks that copying added do no harm. Throws an error that says nothing of it. */
export function readJoinString(text: string): Invitation {
  const line = text.length > MAX_LENGTH ? "" : text.replaceAll(/\s/gu, "");
  if (!line.startsWith(PREFIX)) throw refused(`is not one: expected ${PREFIX} and what follows it`);
  const encoded = line.slice(PREFIX.length);
  if (!/^[\w-]*$/u.test(encoded)) throw refused("holds characters that do not belong to it");
  const bytes = Buffer.from(encoded, "base64url");
  const [version] = bytes;
  if (version !== undefined && version !== VERSION) throw refused("is of another version than this program reads");
  const length = bytes.length < HEAD_BYTES ? HEAD_BYTES : bytes.readUInt16BE(1);
  if (bytes.length < length) throw refused("is cut short: its end is missing");
  if (bytes.length > length) throw refused("has something behind its end");
  const summed = bytes.subarray(0, -CHECKSUM_BYTES);
  if (!checksum(summed).equals(bytes.subarray(-CHECKSUM_BYTES))) throw refused("was changed: its checksum is wrong");
  const secretAt = HEAD_BYTES + DIGEST_BYTES;
  return {
    addresses: addressesIn(summed.subarray(secretAt + SECRET_BYTES)),
    caDigest: summed.subarray(HEAD_BYTES, secretAt).toString("hex"),
    secret: joinSecretOf(summed.subarray(secretAt, secretAt + SECRET_BYTES)),
  };
}

function addressesIn(bytes: Buffer): readonly string[] {
  const addresses: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + (bytes[at] as number);
    const address = bytes.toString("latin1", at + 1, end);
    if (end > bytes.length || !ADDRESS.test(address)) throw refused("has an address that is not one");
    addresses.push(address);
    at = end;
  }
  if (addresses.length < 1 || addresses.length > MAX_ADDRESSES) throw refused("has no address, or too many");
  return addresses;
}

/** Against slips of the hand; what it vouches for is checked by whoever is asked to let the device in. */
function checksum(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest().subarray(0, CHECKSUM_BYTES);
}

function refused(reason: string): MpoError {
  return new MpoError("invalid-argument", `the join string ${reason}`, {
    hint: "Copy the whole line that `mpo token create` printed, or make a new one.",
  });
}
