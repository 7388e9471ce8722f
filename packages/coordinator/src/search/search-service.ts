import { formatBytes, formatVersion, given, hasCode, MpoError } from "@mpo/core";
import { compareVersions, type DesiredDocument, type DeviceIdentity, type DocumentVersion } from "@mpo/protocol";
import type { StoreCallOptions } from "@mpo/transport";
import type { PublishedModels } from "../artifacts/published-models.ts";
import type { Answer, CurrentDocument, DocumentService, KeptFacts, TracedCall } from "../documents/document-service.ts";
import { contentOf, type DocumentContent } from "../documents/make-document.ts";
import { requestOfKept, requestOfKeys, requestOfRaise } from "../documents/requests.ts";
import type { PriorService } from "../priors/prior-service.ts";
import type { ProfileService } from "../profiles/profile-service.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { Registry } from "../registry/registry.ts";
import type { StatusService } from "../registry/status-service.ts";
import { isConflict } from "../store/change-entry.ts";
import { allowedMethods, requireUnderstood } from "./allowed-methods.ts";
import type { BudgetPolicy, Capacity } from "./device-budget.ts";
import { measuredBy, type PlannedLadder, unmeasuredLadder } from "./planned-ladder.ts";
import { missing, PlannerSources } from "./planner-sources.ts";
import type { Planning } from "./planning.ts";
import type { TriedBudget } from "./tried-budget.ts";
import { wantedModel } from "./wanted-model.ts";
import { isUnchecked, stays } from "./what-stays.ts";
import { wishedSearch } from "./wished-search.ts";
import type { DocumentWish, Gift, MadeDocument, PlannedDocument, PlanWish, RollBackWish } from "./wishes.ts";

export interface SearchParts {
  readonly registry: Registry;
  readonly profiles: ProfileService;
  readonly priors: PriorService;
  readonly documents: DocumentService;
  readonly statuses: StatusService;
  readonly models: PublishedModels;
  readonly budget: BudgetPolicy;
  readonly planning: Planning;
  /** Called with the time of each search, milliseconds. */
  readonly onSearched?: (ms: number) => void;
}

/** Races with other coordinators and people on one device that are fought out before giving up. */
const MAX_RACES = 6;

/** Makes the documents of devices from their profiles, by core's search. */
export class SearchService {
  readonly #parts: SearchParts;
  readonly #sources: PlannerSources;

  constructor(parts: SearchParts) {
    this.#parts = parts;
    this.#sources = new PlannerSources(parts.profiles, parts.priors);
  }

  /**
   * Makes the document that answers a request and pushes it, once. Throws `precondition-failed` when device, profile, chain
   * or model are not there, `over-budget` when nothing fits, `conflict` when the expected version is not the newest.
   */
  async answer(wish: DocumentWish, options: TracedCall = {}): Promise<MadeDocument> {
    const { identity } = wish.name;
    return await this.#raced(identity, wish.expectedVersion, options, async (current) => {
      const { registry, documents } = this.#parts;
      if (current !== undefined && (await documents.answerTo(identity, wish.request, current, options)) !== undefined) {
        return { document: current.document, isNew: false };
      }
      if (
        current !== undefined &&
        wish.isAutomatic === true &&
        (await stays(this.#parts, wish.name, current.document, options))
      )
        return { document: current.document, isNew: false };
      const device = await registry.required(identity, options);
      const ofModel = wish.isFresh === true ? undefined : await documents.newestFor(wish.name, current, options);
      const check =
        wish.check ?? (wish.isAutomatic === true && isUnchecked(this.#parts.statuses, ofModel) ? true : undefined);
      const planned = await this.plan(device, { ...wish, check, model: wish.name.model }, ofModel, options);
      const reasons = [...(wish.reasons ?? []), ...planned.content.reasons, ...measuredBy(planned.measured)];
      const content = { ...planned.content, reasons };
      const document = await this.#push(device, wish.request, content, planned.ladder, current, options);
      return { document, isNew: true };
    });
  }

  /** Pushes content for a device, once for each request. The result also says which version was the newest before it. */
  async give(identity: DeviceIdentity, gift: Gift, options: StoreCallOptions = {}): Promise<Answer> {
    const { registry, documents } = this.#parts;
    const { request, content, isOvertakenBy = () => false } = gift;
    return await this.#raced(identity, undefined, options, async (current) => {
      const answer = await documents.answerTo(identity, request, current, options);
      if (answer !== undefined) return answer;
      if (current !== undefined && isOvertakenBy(current.document.request))
        throw new MpoError("conflict", `${request} comes too late: ${current.document.request} was faster`);
      const device = await registry.required(identity, options);
      const own = { ...content, ...identity, deviceClass: device.inventory.deviceClass };
      const document = await this.#push(device, request, own, NOTHING_EXPLAINED, current, options);
      return { document, before: current?.document.version };
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
   * Gets above what the device knows, and is newer than the store, which was restored from an older copy: documents of it
   * would otherwise never be taken. Sends `own`, which it runs, or else the store's newest; the same for keys that were
   * retired. Undefined: there is nothing to raise.
   */
  async raise(
    identity: DeviceIdentity,
    { own, ...options }: StoreCallOptions & { readonly own?: DesiredDocument | undefined } = {},
  ): Promise<DesiredDocument | undefined> {
    const { documents } = this.#parts;
    return await this.#raced(identity, undefined, options, async (current) => {
      if (current === undefined) return undefined;
      const device = await this.#parts.registry.required(identity, options);
      const { version } = current.document;
      const floor = device.versionFloor;
      const isOld = floor !== undefined && compareVersions(version, floor) < 0;
      if (own !== undefined && isOld) {
        const kept = { ...contentOf(own), ...identity, deviceClass: device.inventory.deviceClass };
        return await this.#push(device, requestOfKept(floor), kept, NOTHING_EXPLAINED, current, options);
      }
      if (!isOld && version.epoch >= documents.epoch) return undefined;
      const { explanation } = await documents.explain(identity, options);
      const request = isOld ? requestOfRaise(floor) : requestOfKeys(documents.epoch);
      return await this.#push(device, request, contentOf(current.document), explanation, current, options);
    });
  }

  async #raced<Made>(
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

  /**
   * What a search finds for a device now; nothing is pushed. `ofModel`: what stays of its document for the model. Throws as
   * `answer` does.
   */
  async plan(
    device: DeviceRecord,
    wish: PlanWish,
    ofModel: KeptFacts | undefined,
    options: StoreCallOptions = {},
  ): Promise<PlannedDocument> {
    const { budget: policy, planning, onSearched } = this.#parts;
    const { model } = wish;
    const { identity, inventory } = device;
    if (wish.reserveBytes !== undefined && wish.reserveBytes >= inventory.memoryBytes) {
      const [all, free] = [formatBytes(inventory.memoryBytes), formatBytes(wish.reserveBytes)];
      throw new MpoError("over-budget", `it has ${all} of memory in all, of which ${free} are to stay free`);
    }
    requireUnderstood(wish.config, device);
    const served = device.models.find(({ name }) => name === model);
    if (served === undefined) throw missing(`device ${identity.device} does not serve a model ${model}`);
    const wanted = wantedModel(this.#parts, { identity, served, ofModel, version: wish.modelVersion });
    const loading = this.#sources.load({ identity: wish.profileOf ?? identity, model }, options);
    const known = await loading.catch((thrown: unknown) => {
      if (wish.modelVersion !== undefined && hasCode(thrown, "precondition-failed")) return undefined;
      throw thrown;
    });
    const isFor = known !== undefined && wanted.isOf(known.profile.model.graphDigest);
    if (!isFor && wish.modelVersion === undefined)
      throw missing(`${wanted.name} of ${identity.device} is not measured yet`);
    const profile = known?.profile;
    const { request, isGiven } = wishedSearch(wish, ofModel, { ...known, policy, capacity: this.capacity(device) });
    const { methods, method } = allowedMethods(wish, ofModel, device, profile);
    const { reserveBytes = ofModel?.reserveBytes, hours = ofModel?.hours } = wish;
    const planned = isFor
      ? await planning.run(
          "ladder",
          { source: known.source, request: { ...request, methods }, config: wish.config },
          options,
        )
      : undefined;
    const ladder = planned?.answer ?? unmeasuredLadder(wanted.name);
    if (planned !== undefined) onSearched?.(planned.ms);
    const content: DocumentContent = {
      tenant: identity.tenant,
      device: identity.device,
      deviceClass: inventory.deviceClass,
      model,
      manifestDigest: wanted.manifestDigest,
      objective: request.objective,
      budget: request.budget,
      budgetSource: isGiven ? "given" : "policy",
      rungs: ladder.rungs,
      chosenRung: ladder.chosenRung,
      reasons: ladder.reasons,
      ...given({
        artifact: wanted.artifact,
        check: wish.check === true ? true : undefined,
        reserveBytes: reserveBytes === 0 ? undefined : reserveBytes,
        hours: hours?.length === 0 ? undefined : hours,
        method,
        isFixed: wish.config === undefined ? undefined : true,
      }),
    };
    return { content, ladder, ...given({ measured: isFor ? known.measured : undefined }) };
  }

  /** What a search would find on the profile that is stored. Nothing is pushed. Throws as `answer` does. */
  async tryBudget(
    device: DeviceRecord,
    wish: Pick<PlanWish, "model" | "budget" | "objective">,
    ofModel: KeptFacts | undefined,
    options: StoreCallOptions = {},
  ): Promise<TriedBudget> {
    const known = await this.#sources.load({ identity: device.identity, model: wish.model }, options);
    const within = { ...known, policy: this.#parts.budget, capacity: this.capacity(device) };
    const { request } = wishedSearch(wish, ofModel, within);
    const { methods } = allowedMethods(wish, ofModel, device, known.profile);
    return (
      await this.#parts.planning.run("tried", { source: known.source, request: { ...request, methods } }, options)
    ).answer;
  }

  /** What of a device its budget is made of. */
  capacity({ identity, inventory }: Pick<DeviceRecord, "identity" | "inventory">): Capacity {
    return { inventory, resources: this.#parts.registry.seen(identity)?.resources };
  }

  async #push(
    device: DeviceRecord,
    request: string,
    content: DocumentContent,
    { considered, overBudget, rejected, methods }: Explained,
    current: CurrentDocument | undefined,
    options: TracedCall,
  ): Promise<DesiredDocument> {
    const push = {
      content,
      request,
      floor: device.versionFloor,
      explanation: { considered, overBudget, rejected, ...given({ methods }) },
    };
    return await this.#parts.documents.push(device.identity, push, current, options);
  }
}

type Explained = Pick<PlannedLadder, "considered" | "overBudget" | "rejected" | "methods">;

const NOTHING_EXPLAINED: Explained = { considered: 0, overBudget: 0, rejected: [] };
