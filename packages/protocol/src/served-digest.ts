import { createHash } from "node:crypto";
import { NORMS_FILE, REFERENCE_FILE } from "@mpo/core";

/** A file of a model's folder. */
interface ModelFile {
  readonly name: string;
  /** SHA-256, hexadecimal. */
  readonly digest: string;
}

/** The names of files beside a model that decide how it is trained: of an ONNX file, which may have normalisations folded. */
export function decidingFiles(model: string): readonly string[] {
  return /\.onnx$/iu.test(model) ? [NORMS_FILE, REFERENCE_FILE] : [];
}

/**
 * The digest by which devices and coordinators know a model as it was deployed: of its own file, `model`, and of those
 * beside it that decide how it is trained. `files`: of its folder, at least these.
 */
export function servedDigest(model: ModelFile, files: readonly ModelFile[]): string {
  const names = decidingFiles(model.name);
  const deciding = files.filter(({ name }) => names.includes(name));
  if (deciding.length === 0) return model.digest;
  const lines = [model, ...deciding].map(({ name, digest }) => `${name} ${digest}\n`);
  return createHash("sha256").update(lines.toSorted().join("")).digest("hex");
}
