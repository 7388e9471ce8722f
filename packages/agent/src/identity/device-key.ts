import { rename } from "node:fs/promises";
import { hasCode, MpoError } from "@mpo/core";
import { createCsr, createDeviceKey, keyDigestOf, readPrivateFile, writePrivateFile } from "@mpo/identity";
import type { Abortable } from "@mpo/io";
import type { Logger } from "@mpo/runtime";

const MAX_BYTES = 4096;

/** Holds the key by which the fleet knows the device: a file, and later a TPM or a token of PKCS #11. */
export interface KeyProvider {
  /** SHA-256 of the public key (SPKI, DER). */
  readonly publicKeyDigest: string;
  /** Asks for a certificate (PKCS #10, DER); shows that the device has the key. */
  csr(): Promise<Uint8Array>;
  /** The private key as TLS takes it. Secret. */
  tlsKeyPem(): string;
}

/**
 * The key in a file that only its owner may read. It is made where there is none. A damaged one is set aside and logged:
 * with a new key the device has to be let in again. Throws `precondition-failed` where others could have read it.
 */
export async function openKeyFile(path: string, logger: Logger, options: Abortable = {}): Promise<KeyProvider> {
  const pem = (await readKey(path, logger, options)) ?? (await createDeviceKey());
  const publicKeyDigest = keyDigestOf(pem);
  await writePrivateFile(path, pem, options);
  return { publicKeyDigest, csr: () => createCsr(pem), tlsKeyPem: () => pem };
}

async function readKey(path: string, logger: Logger, options: Abortable): Promise<string | undefined> {
  try {
    const pem = (await readPrivateFile(path, { maxBytes: MAX_BYTES, ...options })).toString();
    keyDigestOf(pem);
    return pem;
  } catch (thrown) {
    if (hasCode(thrown, "not-found")) return undefined;
    if (!hasCode(thrown, "invalid-data")) throw thrown;
    await setAside(
      path,
      logger,
      "the device's key cannot be read: it gets a new one, and has to be let in again",
      thrown,
    );
    return undefined;
  }
}

/** Leaves a damaged file where a person can look at it. */
export async function setAside(path: string, logger: Logger, message: string, thrown: unknown): Promise<void> {
  await rename(path, `${path}.damaged`);
  logger.error(message, { file: `${path}.damaged`, err: MpoError.from(thrown) });
}
