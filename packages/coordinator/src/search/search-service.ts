import {
  formatVersion,
  given as givenFacts,
  hasCode,
  MpoError,
  type RetrainConfig,
  type SearchBudget,
  type SearchObjective,
  windowOverheadMs,
  withPrescribedRates,
} from "@mpo/core";
import type { Clock } from "@mpo/io";
import {
  compareVersions,
  type DesiredDocument,
  type DeviceIdentity,
  type DocumentVersion,
  type Reason,
} from "@mpo/protocol";
import type { StoreCallOptions } from "@mpo/transport";
import type { PublishedModels } from "../artifacts/published-models.ts";
import type { CurrentDocument, DocumentService } from "../documents/document-service.ts";
import type { DocumentContent } from "../documents/make-document.ts";
import type { PriorService } from "../priors/prior-service.ts";
import type { ProfileName, ProfileService } from "../profiles/profile-service.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { Registry } from "../registry/registry.ts";
import type { StatusService } from "../registry/status-service.ts";
import { isConflict } from "../store/change-entry.ts";
import { type BudgetPolicy, deviceBudget } from "./device-budget.ts";
import { type DevicePlanner, DevicePlanners, missing } from "./device-planners.ts";
import {
  givenRung,
  type LadderRequest,
  type PlannedLadder,
  reason,
  searchedLadder,
  unmeasuredLadder,
} from "./planned-ladder.ts";
import { wantedModel } from "./wanted-model.ts";

export interface SearchParts {
  readonly registry: Registry;
  readonly profiles: ProfileService;
  readonly priors: PriorService;
  readonly documents: DocumentService;
  readonly statuses: StatusService;
  readonly models: PublishedModels;
  readonly clock: Clock;
  readonly budget: BudgetPolicy;
  /** Called with the time of each search, milliseconds. */
  readonly onSearched?: (ms: number) => void;
}

export interface DocumentWish {
  readonly name: ProfileName;
  /** A document is made once for each. */
  readonly request: string;
  readonly budget?: SearchBudget | undefined;
  readonly objective?: SearchObjective | undefined;
  /** Version of a published model that the device is to serve; absent: as before. */
  readonly modelVersion?: number | undefined;
  /** Run this one, whatever the search says. */
  readonly config?: RetrainConfig | undefined;
  /** Only if this is the newest version; else `conflict`. */
  readonly expectedVersion?: DocumentVersion | undefined;
  readonly reasons?: readonly Reason[];
}

/** A wish for an older document's content. */
interface RollBackWish {
  readonly request: string;
  readonly expectedVersion: DocumentVersion | undefined;
  readonly reasons: readonly Reason[];
}

/** A document that was made, or was there already. */
export interface MadeDocument {
  readonly document: DesiredDocument;
  /** Whether it was pushed now. */
  readonly isNew: boolean;
}

/** Races with other coordinators and people on one device that are fought out before giving up. */
const MAX_RACES = 6;

/** Makes the documents of devices from their profiles, by core's search. */
export class SearchService {
  readonly #parts: SearchParts;
  readonly #planners: DevicePlanners;

  constructor(parts: SearchParts) {
    this.#parts = parts;
    this.#planners = new DevicePlanners(parts.profiles, parts.priors);
  }

  /**
   * Makes the document that answers a request and pushes it, once. Throws `precondition-failed` when device, profile, chain
   * or model are not there, `over-budget` when nothing fits, `conflict` when the expected version is not the newest.
   */
  async answer(wish: DocumentWish, options: StoreCallOptions = {}): Promise<MadeDocument> {
    const { identity } = wish.name;
    return await this.#raced(identity, wish.expectedVersion, options, async (current) => {
      if (current !== undefined && (await this.#parts.documents.isAnswered(identity, wish.request, current, options))) {
        return { document: current.document, isNew: false };
      }
      const device = await this.#parts.registry.required(identity, options);
      const planned = await this.#plan(device, wish, current, options);
      const document = await this.#push(device, wish.request, planned.content, planned.ladder, current, options);
      return { document, isNew: true };
    });
  }

  /** Gives a device the content of an older document, as a new version. Throws `not-found`, or `conflict` as `answer` does. */
  async rollBack(
    identity: DeviceIdentity,
    to: DocumentVersion,
    { request, reasons, expectedVersion }: RollBackWish,
    options: StoreCallOptions = {},
  ): Promise<DesiredDocument> {
    const content = contentOf(await this.#parts.documents.find(identity, to, options));
    const { document } = await this.#raced(identity, expectedVersion, options, async (current) => ({
      document: await this.#push(
        await this.#parts.registry.required(identity, options),
        request,
        { ...content, reasons: [...reasons, ...content.reasons] },
        NOTHING_EXPLAINED,
        current,
        options,
      ),
      isNew: true,
    }));
    return document;
  }

  /**
   * Sends the newest document again under a version above what the device knows: documents of a store that was restored
   * from an older copy would otherwise never be taken. Undefined: there is nothing to raise.
   */
  async raise(identity: DeviceIdentity, options: StoreCallOptions = {}): Promise<DesiredDocument | undefined> {
    const { documents } = this.#parts;
    const made = await this.#raced(identity, undefined, options, async (current) => {
      if (current === undefined) return undefined;
      const device = await this.#parts.registry.required(identity, options);
      const { version } = current.document;
      const floor = device.versionFloor;
      const isOld = floor !== undefined && compareVersions(version, floor) < 0;
      const isRetired = version.epoch < documents.epoch;
      if (!isOld && !isRetired) return undefined;
      const { explanation } = await documents.explain(identity, options);
      const request = isOld ? `raise-${floor.epoch}-${floor.version}` : `keys-${documents.epoch}`;
      const document = await this.#push(device, request, contentOf(current.document), explanation, current, options);
      return { document, isNew: true };
    });
    return made?.document;
  }

  async #raced<Made extends MadeDocument | undefined>(
    identity: DeviceIdentity,
    expected: DocumentVersion | undefined,
    options: StoreCallOptions,
    make: (current: CurrentDocument | undefined) => Promise<Made>,
  ): Promise<Made> {
    for (let race = 1; ; race++) {
      const current = await this.#parts.documents.current(identity, options);
      const version = current?.document.version;
      if (expected !== undefined && (version === undefined || compareVersions(version, expected) !== 0)) {
        const newest = version === undefined ? "none" : formatVersion(version);
        throw new MpoError(
          "conflict",
          `the newest document of ${identity.device} is ${newest}; expected ${formatVersion(expected)}`,
          { hint: "Somebody changed it in between: look at it, and decide again." },
        );
      }
      try {
        return await make(current);
      } catch (thrown) {
        if (!isConflict(thrown) || race >= MAX_RACES) throw thrown;
      }
    }
  }

  async #plan(
    device: DeviceRecord,
    wish: DocumentWish,
    current: CurrentDocument | undefined,
    options: StoreCallOptions,
  ): Promise<{ readonly content: DocumentContent; readonly ladder: PlannedLadder }> {
    const { registry, documents, budget: policy, clock, onSearched } = this.#parts;
    const { identity, model } = wish.name;
    const served = device.models.find(({ name }) => name === model);
    if (served === undefined) throw missing(`device ${identity.device} does not serve a model ${model}`);
    const ofModel = await documents.newestFor(wish.name, current, options);
    const wanted = wantedModel(this.#parts, { device, served, ofModel, version: wish.modelVersion });
    const known = await this.#planners.load(wish.name, options).catch((thrown: unknown) => {
      if (wish.modelVersion !== undefined && hasCode(thrown, "precondition-failed")) return undefined;
      throw thrown;
    });
    const isFor = known !== undefined && wanted.isOf(known.profile.model.graphDigest);
    if (!isFor && wish.modelVersion === undefined)
      throw missing(`${wanted.name} of ${identity.device} is not measured yet`);
    const profile = known?.profile;
    const seen = registry.seen(identity);
    const capacity = { inventory: device.inventory, resources: seen?.resources };
    // A budget that a person set stays; one of the policy follows the device.
    const kept = ofModel?.budgetSource === "given" ? ofModel.budget : undefined;
    const given = wish.budget ?? kept;
    const budget = given ?? deviceBudget(capacity, profile?.idleBytes ?? 0, policy);
    const request: LadderRequest = {
      budget,
      objective: wish.objective ?? ofModel?.objective ?? "accuracy",
      overheadMs: profile === undefined ? 0 : windowOverheadMs(profile, budget.windowMs),
    };
    const beginsMs = clock.monotonicMs();
    const ladder = isFor ? ladderFor(known, wish.config, request) : unmeasuredLadder(wanted.name);
    onSearched?.(clock.monotonicMs() - beginsMs);
    const measured = isFor ? [reason("profile", `measured by report ${known.measured}`)] : [];
    const reasons = [...(wish.reasons ?? []), ...ladder.reasons, ...measured];
    const content: DocumentContent = {
      tenant: identity.tenant,
      device: identity.device,
      deviceClass: device.inventory.deviceClass,
      model,
      manifestDigest: wanted.manifestDigest,
      ...givenFacts({ artifact: wanted.artifact }),
      objective: request.objective,
      budget: request.budget,
      budgetSource: given === undefined ? "policy" : "given",
      rungs: ladder.rungs,
      chosenRung: ladder.chosenRung,
      reasons,
    };
    return { content, ladder };
  }

  async #push(
    device: DeviceRecord,
    request: string,
    content: DocumentContent,
    { considered, overBudget, rejected }: Pick<PlannedLadder, "considered" | "overBudget" | "rejected">,
    current: CurrentDocument | undefined,
    options: StoreCallOptions,
  ): Promise<DesiredDocument> {
    const push = {
      content,
      request,
      floor: device.versionFloor,
      explanation: { considered, overBudget, rejected },
    };
    return await this.#parts.documents.push(device.identity, push, current, options);
  }
}

function ladderFor(
  { planner, profile }: DevicePlanner,
  config: RetrainConfig | undefined,
  request: LadderRequest,
): PlannedLadder {
  return config === undefined
    ? searchedLadder(planner, request)
    : givenRung(planner, withPrescribedRates(config, profile.method.loss), request);
}

const NOTHING_EXPLAINED = { considered: 0, overBudget: 0, rejected: [] };

function contentOf(document: DesiredDocument): DocumentContent {
  const { version: _, issuedAtMs: __, expiresAtMs: ___, request: ____, ...content } = document;
  return content;
}
