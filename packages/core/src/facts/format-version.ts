/** A document's place in the order of a device's documents, as people name it: `1.4`. */
export function formatVersion({ epoch, version }: { readonly epoch: number; readonly version: number }): string {
  return `${epoch}.${version}`;
}
