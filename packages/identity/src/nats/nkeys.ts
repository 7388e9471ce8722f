import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { createAccount, createOperator, createUser, fromPublic, fromSeed, type KeyPair } from "@nats-io/nkeys";
import { remembered } from "../remembered.ts";

/** A key pair of NATS: Ed25519, as text. */
export interface Nkey {
  /** Secret. */
  readonly seed: string;
  readonly publicKey: string;
}

export type NkeyKind = "operator" | "account" | "user";

const MAKERS: Readonly<Record<NkeyKind, () => KeyPair>> = {
  operator: createOperator,
  account: createAccount,
  user: createUser,
};

export function createNkey(kind: NkeyKind): Nkey {
  const pair = MAKERS[kind]();
  return { seed: Buffer.from(pair.getSeed()).toString(), publicKey: pair.getPublicKey() };
}

export const publicNkeyOf: (seed: string) => string = remembered((seed) => pairOf(seed).getPublicKey());

export function signWith(seed: string, text: string): Uint8Array {
  return new Uint8Array(sign(null, Buffer.from(text), keyOf(seed)));
}

/** As Node has it: the library signs in JavaScript, which takes fifty times as long. */
const keyOf = remembered((seed: string): KeyObject => {
  // Refuses what is no seed.
  pairOf(seed);
  const bits = [...seed].map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, "0")).join("");
  // After two bytes that say what it is for come the 32 of the key, and a checksum.
  const secret = bits.slice(16, 272).match(/.{8}/gu) ?? [];
  const bytes = Buffer.from(secret.map((byte) => Number.parseInt(byte, 2)));
  return createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, bytes]), format: "der", type: "pkcs8" });
});

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** What PKCS #8 (RFC 8410) has before the 32 bytes of a private key. */
const PKCS8_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");

/** 35 bytes in base32; the library also takes texts that are cut. */
const USER_KEY = /^U[A-Z2-7]{55}$/u;

/** Whether a text is the public key of a user. Length and checksum count. */
export function isUserNkey(text: string): boolean {
  try {
    return USER_KEY.test(text) && fromPublic(text).getPublicKey() === text;
  } catch {
    return false;
  }
}

function pairOf(seed: string): KeyPair {
  return fromSeed(Buffer.from(seed));
}
