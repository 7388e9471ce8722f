import { ServerCredentials } from "@grpc/grpc-js";
import type { Logger } from "@mpo/runtime";
import { contextOptions, type TlsSource } from "./tls-source.ts";

/** A client that has not finished its handshake by then is disconnected. */
const HANDSHAKE_MS = 10_000;

/**
 * A listener's certificates, for grpc-js. Its own providers (1.14.7, experimental) take certificate and key apart, accept
 * any version of TLS, and stop serving after an update that is no pair; here the last good pair stays. Connections that
 * are open keep the certificate with which they began.
 */
export class SourceCredentials extends ServerCredentials {
  /** Ends the watch for changes. */
  readonly close: () => void;

  constructor(source: TlsSource, logger: Logger) {
    // Without a certificate a caller is anonymous; one that does not verify is refused by the guard.
    const clients = { requestCert: true, rejectUnauthorized: false, handshakeTimeout: HANDSHAKE_MS };
    super(clients, contextOptions(source.current()));
    this.close = source.onChange(() => {
      try {
        this.updateSecureContextOptions(contextOptions(source.current()));
        logger.info("new connections get the renewed certificate");
      } catch (err) {
        logger.error("the renewed certificate is of no use; the one before it stays", { err });
      }
    });
  }

  override _equals(other: ServerCredentials): boolean {
    return other === this;
  }
}
