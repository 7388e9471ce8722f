import {
  type Chain,
  MpoError,
  type Planner,
  type Profile,
  plannerOf,
  type RetrainConfig,
  type SearchBudget,
  type SearchObjective,
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
import type { CurrentDocument, DocumentService } from "../documents/document-service.ts";
import type { DocumentContent } from "../documents/make-document.ts";
import type { PriorService } from "../priors/prior-service.ts";
import { type ProfileName, type ProfileService, profileKey } from "../profiles/profile-service.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { Registry } from "../registry/registry.ts";
import { isConflict } from "../store/change-entry.ts";
import { type BudgetPolicy, deviceBudget } from "./device-budget.ts";
import { givenRung, type LadderRequest, type PlannedLadder, reason, searchedLadder } from "./planned-ladder.ts";
import { Recent } from "./recent.ts";

/** What the search service stands on. */
export interface SearchParts {
  readonly registry: Registry;
  readonly profiles: ProfileService;
  readonly priors: PriorService;
  readonly documents: DocumentService;
  readonly clock: Clock;
  readonly budget: BudgetPolicy;
  /** Called with the time of each search, milliseconds. */
  readonly onSearched?: (ms: number) => void;
}

/** A wish for a new document. */
export interface DocumentWish {
  readonly name: ProfileName;
  /** A document is made once for each. */
  readonly request: string;
  readonly budget?: SearchBudget;
  readonly objective?: SearchObjective;
  /** Run this one, whatever the search says. */
  readonly config?: RetrainConfig;
  /** Only if this is the newest version; else `conflict`. */
  readonly expectedVersion?: DocumentVersion;
  readonly reasons?: readonly Reason[];
}

/** A document that was made, or was there already. */
export interface MadeDocument {
  readonly document: DesiredDocument;
  /** Whether it was pushed now. */
  readonly isNew: boolean;
}

interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Races with other coordinators and people on one device that are fought out before giving up. */
const MAX_RACES = 6;

/** Makes the documents of devices from their profiles, by core's search. */
export class SearchService {
  readonly #parts: SearchParts;
  readonly #planners = new Recent<Planner>(16);
  /** Planners of one chain share what they plan: they must be given the same object. */
  readonly #chains = new Recent<Chain>(16);

  constructor(parts: SearchParts) {
    this.#parts = parts;
  }

  /**
   * Makes the document that answers a request and pushes it, once. Throws `precondition-failed` when device, profile, chain
   * or model are not there, `over-budget` when nothing fits, `conflict` when the expected version is not the newest.
   */
  async answer(wish: DocumentWish, options: CallOptions = {}): Promise<MadeDocument> {
    const { identity } = wish.name;
    return await this.#raced(identity, wish.expectedVersion, options, async (current) => {
      if (current !== undefined && (await this.#parts.documents.isAnswered(identity, wish.request, current, options))) {
        return { document: current.document, isNew: false };
      }
      const device = await this.#device(identity, options);
      const planned = await this.#plan(device, wish, current, options);
      const document = await this.#push(device, wish.request, planned.content, planned.ladder, current, options);
      return { document, isNew: true };
    });
  }

  /** Gives a device the content of an older document, as a new version. Throws `not-found`. */
  async rollBack(
    identity: DeviceIdentity,
    to: DocumentVersion,
    { request, reasons }: { readonly request: string; readonly reasons: readonly Reason[] },
    options: CallOptions = {},
  ): Promise<DesiredDocument> {
    const content = contentOf(await this.#parts.documents.find(identity, to, options));
    const { document } = await this.#raced(identity, undefined, options, async (current) => ({
      document: await this.#push(
        await this.#device(identity, options),
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
   * Sends the newest document again under a version above what the device has told of: a store that was restored from an
   * older copy would else be ignored for ever. Undefined: there is nothing to raise.
   */
  async raise(identity: DeviceIdentity, options: CallOptions = {}): Promise<DesiredDocument | undefined> {
    const { documents } = this.#parts;
    const made = await this.#raced(identity, undefined, options, async (current) => {
      if (current === undefined) return undefined;
      const device = await this.#device(identity, options);
      const floor = device.versionFloor;
      if (floor === undefined) return undefined;
      if (compareVersions(current.document.version, floor) >= 0) return undefined;
      const { explanation } = await documents.explain(identity, options);
      const request = `raise-${floor.epoch}-${floor.version}`;
      const document = await this.#push(device, request, contentOf(current.document), explanation, current, options);
      return { document, isNew: true };
    });
    return made?.document;
  }

  async #raced<Made extends MadeDocument | undefined>(
    identity: DeviceIdentity,
    expected: DocumentVersion | undefined,
    options: CallOptions,
    make: (current: CurrentDocument | undefined) => Promise<Made>,
  ): Promise<Made> {
    for (let race = 1; ; race++) {
      const current = await this.#parts.documents.current(identity, options);
      const version = current?.document.version;
      if (expected !== undefined && (version === undefined || compareVersions(version, expected) !== 0)) {
        const newest = version === undefined ? "none" : `${version.epoch}.${version.version}`;
        throw new MpoError(
          "conflict",
          `the newest document of ${identity.device} is ${newest}; expected ${expected.epoch}.${expected.version}`,
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
    options: CallOptions,
  ): Promise<{ readonly content: DocumentContent; readonly ladder: PlannedLadder }> {
    const { registry, budget: policy, clock, onSearched } = this.#parts;
    const { identity, model } = wish.name;
    const served = device.models.find(({ name }) => name === model);
    if (served === undefined) throw missing(`device ${identity.device} does not serve a model ${model}`);
    const { planner, profile, measured } = await this.#planner(wish.name, options);
    const ofModel = current?.document.model === model ? current.document : undefined;
    const seen = registry.seen(identity);
    const capacity = { inventory: device.inventory, ...(seen === undefined ? {} : { resources: seen.resources }) };
    // A budget that a person set stays; one of the policy follows the device.
    const kept = ofModel?.budgetSource === "given" ? ofModel.budget : undefined;
    const given = wish.budget ?? kept;
    const budget = given ?? deviceBudget(capacity, profile.idleBytes, policy);
    const request: LadderRequest = {
      budget,
      objective: wish.objective ?? ofModel?.objective ?? "accuracy",
    };
    const beginsMs = clock.monotonicMs();
    const { loss } = profile.method;
    const ladder =
      wish.config === undefined
        ? searchedLadder(planner, request)
        : givenRung(planner, withPrescribedRates(wish.config, loss), request);
    onSearched?.(clock.monotonicMs() - beginsMs);
    const reasons = [...(wish.reasons ?? []), ...ladder.reasons, reason("profile", `measured by report ${measured}`)];
    const content: DocumentContent = {
      tenant: identity.tenant,
      device: identity.device,
      deviceClass: device.inventory.deviceClass,
      model,
      manifestDigest: served.manifestDigest,
      objective: request.objective,
      budget: request.budget,
      budgetSource: given === undefined ? "policy" : "given",
      rungs: ladder.rungs,
      chosenRung: ladder.chosenRung,
      reasons,
    };
    return { content, ladder };
  }

  async #planner(
    name: ProfileName,
    options: CallOptions,
  ): Promise<{ readonly planner: Planner; readonly profile: Profile; readonly measured: string }> {
    const { profiles, priors } = this.#parts;
    const found = await profiles.load(name, options);
    if (found === undefined) throw missing(`device ${name.identity.device} has no profile of ${name.model}`);
    const { chain: digest } = found.header;
    const { profile, report } = found.request;
    if (digest === undefined) throw missing(`nobody has sent the chain of ${name.model}`);
    const prior = priors.prior({
      tenant: name.identity.tenant,
      deviceClass: profile.device.class,
      model: name.model,
      graphDigest: profile.model.graphDigest,
    });
    const key = `${profileKey(name)} ${found.revision} ${prior?.pooledAtMs ?? 0}`;
    const known = this.#planners.get(key);
    if (known !== undefined) return { planner: known, profile, measured: report };
    const chain = await this.#chain(digest, options);
    if (chain.units.length !== profile.model.unitCount) {
      throw missing(
        `the chain of ${name.model} has ${chain.units.length} units, its profile ${profile.model.unitCount}`,
      );
    }
    const planner = plannerOf(profile, chain, prior === undefined ? {} : { priors: prior.profile.accuracy });
    this.#planners.set(key, planner);
    return { planner, profile, measured: report };
  }

  async #chain(digest: string, options: CallOptions): Promise<Chain> {
    const known = this.#chains.get(digest);
    if (known !== undefined) return known;
    const chain = await this.#parts.profiles.loadChain(digest, options);
    this.#chains.set(digest, chain);
    return chain;
  }

  async #device(identity: DeviceIdentity, options: CallOptions): Promise<DeviceRecord> {
    const device = await this.#parts.registry.load(identity, options);
    if (device === undefined) {
      throw new MpoError("not-found", `there is no device ${identity.device} of tenant ${identity.tenant}`, {
        hint: "List the devices: mpo devices list.",
      });
    }
    return device;
  }

  async #push(
    device: DeviceRecord,
    request: string,
    content: DocumentContent,
    { considered, overBudget, rejected }: Pick<PlannedLadder, "considered" | "overBudget" | "rejected">,
    current: CurrentDocument | undefined,
    options: CallOptions,
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

const NOTHING_EXPLAINED = { considered: 0, overBudget: 0, rejected: [] };

function contentOf(document: DesiredDocument): DocumentContent {
  const { version: _, issuedAtMs: __, expiresAtMs: ___, request: ____, ...content } = document;
  return content;
}

function missing(message: string): MpoError {
  return new MpoError("precondition-failed", message, { hint: "Wait until the device has probed and reported." });
}
