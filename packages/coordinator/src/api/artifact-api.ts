import { MpoError } from "@mpo/core";
import {
  type AdminServiceMethods,
  artifactBytes,
  type FleetServiceMethods,
  type PublishedModel,
  type RequestOf,
  type ResponseOf,
  versionName,
} from "@mpo/protocol";
import type { PublishedModels } from "../artifacts/published-models.ts";
import type { Published } from "../artifacts/published-record.ts";
import type { DocumentService } from "../documents/document-service.ts";
import type { Audit } from "../events/audit.ts";
import { ANYBODY } from "../identity/person.ts";
import type { Registry } from "../registry/registry.ts";
import { openRollouts } from "../rollouts/other-rollouts.ts";
import type { RolloutService } from "../rollouts/rollout-service.ts";
import type { ApiCall } from "./api-call.ts";
import { deviceIdentityOf } from "./device-identity.ts";
import { actorOf } from "./identity-api.ts";
import { pageOf } from "./page.ts";

type Methods = AdminServiceMethods & FleetServiceMethods;
type Ask<Call extends keyof Methods> = RequestOf<Methods[Call]>;
type Answer<Call extends keyof Methods> = ResponseOf<Methods[Call]>;

interface ArtifactParts {
  readonly models: PublishedModels;
  readonly registry: Registry;
  readonly documents: DocumentService;
  readonly rollouts: Pick<RolloutService, "all">;
  readonly audit: Audit;
}

/** Rollouts and devices that are named when they are in the way. */
const NAMED_USERS = 5;

/** What people and devices ask of published models. */
export class ArtifactApi {
  readonly #parts: ArtifactParts;

  constructor(parts: ArtifactParts) {
    this.#parts = parts;
  }

  async getArtifact(request: Ask<"getArtifact">, call: ApiCall): Promise<Answer<"getArtifact">> {
    const { tenant } = deviceIdentityOf(request.identity, call);
    return { manifest: this.#ofTenant(tenant, request.digest).bytes };
  }

  async getArtifactChunk(request: Ask<"getArtifactChunk">, call: ApiCall): Promise<Answer<"getArtifactChunk">> {
    const { tenant } = deviceIdentityOf(request.identity, call);
    const { artifact, chunk: digest, offset, length } = request;
    const model = this.#ofTenant(tenant, artifact);
    if (!model.chunks.has(digest)) {
      throw new MpoError("not-found", `${versionName(model.manifest)} has no chunk ${digest.slice(0, 12)}`);
    }
    const chunk = await this.#parts.models.chunk(digest, call);
    if (offset >= chunk.length) {
      throw new MpoError(
        "invalid-argument",
        `offset is ${offset}; expected less than the chunk's ${chunk.length} bytes`,
      );
    }
    return { part: chunk.subarray(offset, offset + length) };
  }

  async findMissingChunks({ chunks }: Ask<"findMissingChunks">, call: ApiCall): Promise<Answer<"findMissingChunks">> {
    return { missing: await this.#parts.models.missing(chunks, call) };
  }

  async putChunk({ chunk }: Ask<"putChunk">, call: ApiCall): Promise<Answer<"putChunk">> {
    return { digest: await this.#parts.models.putChunk(chunk, call) };
  }

  async publishModel(request: Ask<"publishModel">, call: ApiCall): Promise<Answer<"publishModel">> {
    const { tenant } = request;
    const publisher = (call.person ?? ANYBODY).name;
    const { model, isDuplicate } = await this.#parts.models.publish({ ...request, publisher }, call);
    if (!isDuplicate)
      await this.#log("model-published", tenant, call, `${versionName(model.manifest)}: ${model.digest}`);
    return { model: viewOf(model, this.#use(tenant)), isDuplicate };
  }

  listPublishedModels(request: Ask<"listPublishedModels">): Answer<"listPublishedModels"> {
    const use = this.#use(request.tenant);
    const all = this.#parts.models.list(request.tenant, request.name);
    // By name, and of each the newest first.
    const keyOf = ({ manifest: { name, version } }: Published): string =>
      `${name}.${String(2 ** 32 - version).padStart(10, "0")}`;
    const { items, ...rest } = pageOf(all, keyOf, request);
    return { models: items.map((model) => viewOf(model, use)), ...rest };
  }

  getPublishedModel({ tenant, name, version }: Ask<"getPublishedModel">): Answer<"getPublishedModel"> {
    const model = this.#parts.models.required(tenant, name, version || undefined);
    return { model: viewOf(model, this.#use(tenant)), manifest: model.manifest };
  }

  async removePublishedModel(
    request: Ask<"removePublishedModel">,
    call: ApiCall,
  ): Promise<Answer<"removePublishedModel">> {
    const { tenant, name, version, isForced } = request;
    const { models } = this.#parts;
    const model = models.required(tenant, name, version);
    const { serving, expected } = useOf(model, this.#use(tenant));
    const rollouts = [...openRollouts(this.#parts.rollouts, tenant)]
      .filter((one) => one.model === name && one.change.version === version)
      .map((one) => `rollout ${one.name}`);
    const users = [...rollouts, ...serving, ...expected];
    if (users.length > 0 && !isForced) {
      const named = users.slice(0, NAMED_USERS).join(", ");
      const more = users.length > NAMED_USERS ? ` and ${users.length - NAMED_USERS} more` : "";
      throw new MpoError("precondition-failed", `${versionName(model.manifest)} is in use: ${named}${more}`, {
        hint: "Give them another version first, or remove it with --force: they keep what they have, and no device gets it again.",
      });
    }
    const freedBytes = await models.remove(model, call);
    await this.#log("model-removed", tenant, call, `${versionName(model.manifest)}: ${model.digest}`);
    return { freedBytes };
  }

  #ofTenant(tenant: string, digest: string): Published {
    const model = this.#parts.models.byDigest(tenant, digest);
    if (model !== undefined) return model;
    throw new MpoError("not-found", `no model ${digest.slice(0, 12)} is published for tenant ${tenant}`);
  }

  /** Names of the devices that serve each published model, and of those that are to. */
  #use(tenant: string): ReadonlyMap<string, ModelUse> {
    const use = new Map<string, ModelUse>();
    const of = (digest: string): ModelUse => {
      const found = use.get(digest) ?? { serving: [], expected: [] };
      use.set(digest, found);
      return found;
    };
    for (const { identity, models } of this.#parts.registry.devices()) {
      if (identity.tenant !== tenant) continue;
      const wanted = this.#parts.documents.newest(identity)?.artifact?.digest;
      for (const { artifact } of models) if (artifact !== undefined) of(artifact.digest).serving.push(identity.device);
      if (wanted !== undefined && models.every(({ artifact }) => artifact?.digest !== wanted)) {
        of(wanted).expected.push(identity.device);
      }
    }
    return use;
  }

  async #log(kind: string, tenant: string, call: ApiCall, message: string): Promise<void> {
    await this.#parts.audit.log({ kind, identity: { tenant, device: "fleet" }, actor: actorOf(call), message });
  }
}

interface ModelUse {
  readonly serving: string[];
  readonly expected: string[];
}

function useOf({ digest }: Published, use: ReadonlyMap<string, ModelUse>): ModelUse {
  return use.get(digest) ?? { serving: [], expected: [] };
}

function viewOf(model: Published, use: ReadonlyMap<string, ModelUse>): PublishedModel {
  const { manifest, digest, publishedAtMs, publisher } = model;
  const { name, version, graphDigest, summary } = manifest;
  const { serving, expected } = useOf(model, use);
  return {
    ...{ name, version, digest, graphDigest, bytes: artifactBytes(manifest), summary, publishedAtMs, publisher },
    ...{ serving: serving.length, expected: expected.length },
  };
}
