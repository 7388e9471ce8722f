import { type Fact, fact } from "@mpo/core";
import { type ArtifactManifest, artifactDigest, artifactManifestCodec } from "@mpo/protocol";
import { packed, packedBytes, type RecordForm, recordForm, unpacked } from "../store/records.ts";

const { object, text, timestampMs } = fact;

const publishedSchema = object({
  /** The manifest's bytes: what its digest is of. */
  manifest: packedBytes,
  publishedAtMs: timestampMs(),
  publisher: text(1, 128),
});
type PublishedRecord = Fact<typeof publishedSchema>;
const publishedForm: RecordForm<PublishedRecord> = recordForm("published-model", publishedSchema);

/** A published model of a tenant. */
export interface Published {
  readonly tenant: string;
  readonly manifest: ArtifactManifest;
  /** As it was published. */
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly chunks: ReadonlySet<string>;
  readonly publishedAtMs: number;
  readonly publisher: string;
}

export function publishedKey(tenant: string, { name, version }: Pick<ArtifactManifest, "name" | "version">): string {
  return `${tenant}.${name}.${version}`;
}

export function publishedToBytes({ bytes, publishedAtMs, publisher }: Published): Uint8Array {
  return publishedForm.toBytes({ manifest: packed(bytes), publishedAtMs, publisher });
}

/** Throws `invalid-data`. */
export function publishedFromBytes(key: string, value: Uint8Array): Published {
  const { manifest, publishedAtMs, publisher } = publishedForm.fromBytes(value);
  const [tenant = ""] = key.split(".");
  return publishedOf(tenant, unpacked(manifest), { publishedAtMs, publisher });
}

export function publishedOf(
  tenant: string,
  bytes: Uint8Array,
  facts: Pick<Published, "publishedAtMs" | "publisher">,
): Published {
  const manifest = artifactManifestCodec.fromBytes(bytes);
  const chunks = new Set(manifest.files.flatMap((file) => file.chunks));
  return { tenant, manifest, bytes, digest: artifactDigest(bytes), chunks, ...facts };
}
