import { constants } from "node:crypto";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { MpoError } from "@mpo/core";

/** The authorities that are trusted, as PEM: at least one certificate. */
export interface TlsTrust {
  readonly caPem: string;
}

/** What one side of a connection shows, and whom it trusts. */
export interface TlsIdentity extends TlsTrust {
  /** The own certificate, with those above it. */
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** Certificates that are renewed while they are used: always whole, a certificate with its own key. */
export interface TlsSource<Material extends TlsTrust = TlsIdentity> {
  current(): Material;
  /** Calls back after each change; returns what ends that. */
  onChange(listener: () => void): () => void;
}

/** Certificates that stay as they are, or that are read each time and make nobody connect again. */
export function steadyTls<Material extends TlsTrust>(current: () => Material): TlsSource<Material> {
  return { current, onChange: () => () => undefined };
}

/**
 * What TLS uses of it, checked: throws `invalid-data` for a certificate and a key that are not a pair. Sessions are not
 * resumed: who resumes one would be let in with a certificate that has expired since.
 */
export function contextOptions({ caPem, ...own }: TlsTrust & Partial<TlsIdentity>): SecureContextOptions {
  const options: SecureContextOptions & { readonly allowPartialTrustChain: true } = {
    ca: caPem,
    // Whom we trust need not be a root: an authority below one may have issued what the other side shows.
    allowPartialTrustChain: true,
    ...(own.certificatePem === undefined ? {} : { cert: own.certificatePem, key: own.privateKeyPem }),
    minVersion: "TLSv1.3",
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
  try {
    createSecureContext(options);
  } catch (thrown) {
    throw new MpoError("invalid-data", `TLS cannot use the certificate and its key: ${(thrown as Error).message}`);
  }
  return options;
}
