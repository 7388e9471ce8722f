/** Where a server takes its certificate from; it changes while the server runs. */
export interface TlsSource {
  /** `certificatePem`: with those above it. */
  current(): { readonly certificatePem: string; readonly privateKeyPem: string; readonly caPem: string };
  onChange(listener: () => void): () => void;
}
