import { formatVersion, MpoError } from "@mpo/core";
import {
  compareVersions,
  type DesiredDocument,
  type DesiredEnvelope,
  type DeviceIdentity,
  type DocumentVersion,
  desiredDocumentCodec,
  GIVES_DOCUMENTS,
  type HelloRequest,
  type HelloResponse,
} from "@mpo/protocol";
import type { DocumentService } from "../documents/document-service.ts";
import type { Audit } from "../events/audit.ts";
import type { FleetAuthority } from "../identity/authority.ts";
import { type DeviceRecord, newer } from "../registry/device-record.ts";
import type { Registry } from "../registry/registry.ts";
import type { SearchService } from "../search/search-service.ts";
import type { StoreContext } from "../store/change-entry.ts";

interface OlderStoreParts extends Pick<StoreContext, "logger"> {
  readonly registry: Pick<Registry, "raiseFloor" | "device">;
  readonly documents: Pick<DocumentService, "version">;
  readonly searches: Pick<SearchService, "raise">;
  readonly audit: Audit;
  /** Absent: nobody proves who they are. */
  readonly authority: Pick<FleetAuthority, "hasSigned"> | undefined;
  readonly onRaised?: (() => void) | undefined;
}

/**
 * Gets above what devices know, when the store is an older copy of what it was. No device goes back for it: it gives the
 * document that it runs by, and that goes on as its newest. Rollouts see that by its request, and wait for a person.
 */
export class OlderStore {
  readonly #parts: OlderStoreParts;

  constructor(parts: OlderStoreParts) {
    this.#parts = parts;
  }

  /** Takes note of a version that a device knows. */
  async heard(identity: DeviceIdentity, version: DocumentVersion | undefined, signal: AbortSignal): Promise<void> {
    if (version !== undefined) await this.#parts.registry.raiseFloor(identity, version, { signal });
  }

  /** Whether a device knows a version, and the store none so new. */
  isBehind(identity: DeviceIdentity, version: DocumentVersion | undefined): boolean {
    const ours = this.#parts.documents.version(identity);
    return version !== undefined && ours !== undefined && compareVersions(ours, version) < 0;
  }

  /** What a hello is answered with besides. */
  async met(
    identity: DeviceIdentity,
    { appliedVersion, versionFloor, applied, protocol = 1 }: HelloRequest,
    signal: AbortSignal,
  ): Promise<Pick<HelloResponse, "needsDocument">> {
    const known = newer(versionFloor, appliedVersion);
    await this.heard(identity, known, signal);
    if (known === undefined || !this.isBehind(identity, known)) return {};
    // What it accepted and does not run says nothing against the store's.
    const runsNewer = appliedVersion !== undefined && this.isBehind(identity, appliedVersion);
    if (!runsNewer || protocol < GIVES_DOCUMENTS) {
      await this.#raise(identity, known, undefined, signal);
      return {};
    }
    if (applied === undefined) return { needsDocument: true };
    await this.#raise(identity, known, this.#documentIn(identity, applied, appliedVersion), signal);
    return {};
  }

  async #raise(
    identity: DeviceIdentity,
    known: DocumentVersion,
    own: DesiredDocument | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { searches, audit, logger, onRaised } = this.#parts;
    const raised = await searches.raise(identity, { own, signal });
    if (raised === undefined) return;
    onRaised?.();
    const says = `the device knows ${formatVersion(known)}, which is newer than the store`;
    const message =
      own === undefined
        ? `${says}: the store's is sent again as ${formatVersion(raised.version)}`
        : `${says}: it keeps what it runs, as ${formatVersion(raised.version)}`;
    logger.warn("the store is older than what a device knows", { deviceId: identity.device, version: known, message });
    await audit.log({ kind: "config-raised", identity, actor: "coordinator", message });
  }

  /** What a device says that it runs by, where the fleet has signed that; else the store's document is all there is. */
  #documentIn(
    identity: DeviceIdentity,
    { document: bytes, signatures }: DesiredEnvelope,
    version: DocumentVersion,
  ): DesiredDocument | undefined {
    const { authority, registry, logger } = this.#parts;
    try {
      const document = desiredDocumentCodec.fromBytes(bytes);
      const isSigned = authority === undefined || signatures.some((each) => authority.hasSigned(bytes, each));
      const isTheirs = isOf(document, identity, registry.device(identity));
      if (isSigned && isTheirs && compareVersions(document.version, version) === 0) return document;
      const what = isSigned ? "it is another one, or another device's" : "the fleet has not signed it";
      throw new MpoError("invalid-data", what);
    } catch (err) {
      logger.warn("what a device says that it runs by is of no use: it gets the store's", { ...identity, err });
      return undefined;
    }
  }
}

function isOf(
  { tenant, device }: DesiredDocument,
  identity: DeviceIdentity,
  record: Pick<DeviceRecord, "formerNames"> | undefined,
): boolean {
  const names = [identity.device, ...(record?.formerNames ?? []).map((former) => former.device)];
  return tenant === identity.tenant && names.includes(device);
}
