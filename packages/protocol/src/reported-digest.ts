import { createHash } from "node:crypto";
import type { ServedModel } from "./messages/device.ts";
import type { DocumentVersion } from "./messages/document.ts";
import type { HelloRequest } from "./messages/link.ts";

/** What a device has reported of itself, and a coordinator should hold. */
export interface ReportedFacts {
  readonly models: readonly ServedModel[];
  /** Profiles of these models. */
  readonly profiles: HelloRequest["profiles"];
  /** The document in use whose status was reported. */
  readonly appliedVersion: DocumentVersion | undefined;
}

/** SHA-256 of facts, the same whatever their order. Device and coordinator compare it: a difference asks for the whole. */
export function reportedDigest({ models, profiles, appliedVersion }: ReportedFacts): string {
  const lines = [
    ...models.map(
      ({ name, manifestDigest, artifact }) =>
        `model ${name} ${manifestDigest}${artifact === undefined ? "" : ` ${artifact.digest}`}`,
    ),
    ...profiles.map(({ model, measuredAtMs }) => `profile ${model} ${measuredAtMs}`),
    ...(appliedVersion === undefined ? [] : [`applied ${appliedVersion.epoch}.${appliedVersion.version}`]),
  ];
  return createHash("sha256").update(lines.sort().join("\n")).digest("hex");
}
