import { createAccount, createOperator, createUser, fromPublic, fromSeed, type KeyPair } from "@nats-io/nkeys";

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

export function publicNkeyOf(seed: string): string {
  return pairOf(seed).getPublicKey();
}

export function signWith(seed: string, text: string): Uint8Array {
  return pairOf(seed).sign(Buffer.from(text));
}

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
