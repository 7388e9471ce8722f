import {
  type ArtifactVersion,
  compareVersions,
  type DesiredDocument,
  type DeviceIdentity,
  type ServedModel,
  versionName,
} from "@mpo/protocol";
import type { PublishedModels } from "../artifacts/published-models.ts";
import type { StatusService } from "../registry/status-service.ts";

/** The model that a document is for. */
export interface WantedModel {
  /** "camera@3", or "camera" as it was deployed. */
  readonly name: string;
  readonly manifestDigest: string;
  readonly artifact: ArtifactVersion | undefined;
  /** Whether it is of this structure, so that a profile of it holds. */
  isOf(graphDigest: string): boolean;
}

interface Wanted {
  readonly identity: DeviceIdentity;
  readonly served: ServedModel;
  /** The newest document for the model; undefined: nothing of it stays. */
  readonly ofModel: Pick<DesiredDocument, "version" | "artifact"> | undefined;
  /** That is asked for; undefined: what the device was to serve before. */
  readonly version: number | undefined;
}

/** Throws `not-found` for a version that is not published. */
export function wantedModel(
  { models, statuses }: { readonly models: PublishedModels; readonly statuses: StatusService },
  { identity, served, ofModel, version }: Wanted,
): WantedModel {
  const { tenant } = identity;
  const { name } = served;
  const reported = statuses.newest(identity);
  // What the device gave up or refused is not given to it again by a search that somebody else asked for.
  const isGivenUp =
    ofModel !== undefined &&
    reported !== undefined &&
    compareVersions(reported.version, ofModel.version) === 0 &&
    (reported.state === "failed" || reported.state === "refused");
  const before = ofModel === undefined || isGivenUp ? served.artifact : ofModel.artifact;
  const published =
    version === undefined ? before && models.byDigest(tenant, before.digest) : models.required(tenant, name, version);
  if (published !== undefined) {
    const { manifest, digest } = published;
    return {
      name: versionName(manifest),
      manifestDigest: manifest.manifestDigest,
      artifact: { version: manifest.version, digest },
      isOf: (graphDigest) => graphDigest === manifest.graphDigest,
    };
  }
  // As it was deployed, or a version that was removed: only the device can know its structure, when it serves it.
  const isServed = before?.digest === served.artifact?.digest;
  return {
    name: before === undefined ? name : versionName({ name, version: before.version }),
    manifestDigest: served.manifestDigest,
    artifact: before,
    isOf: () => isServed,
  };
}
