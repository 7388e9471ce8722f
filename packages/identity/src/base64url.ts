/** The bytes of a key or document that a file or message holds as text. */
export function bytesOfBase64url(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64url"));
}
