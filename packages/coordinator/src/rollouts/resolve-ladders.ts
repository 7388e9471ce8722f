import { describeRung, given, hasCode, MpoError, type Prediction, REASON_LENGTH, type RolloutSpec } from "@mpo/core";
import { type Clock, forEachBounded } from "@mpo/io";
import { asLine, compareVersions, type DeviceIdentity, type LeftOut } from "@mpo/protocol";
import type { StoreCallOptions } from "@mpo/transport";
import type { DocumentService, KeptFacts } from "../documents/document-service.ts";
import type { DocumentContent } from "../documents/make-document.ts";
import type { PriorService } from "../priors/prior-service.ts";
import type { ProfileHeader } from "../profiles/profile-record.ts";
import type { ProfileService } from "../profiles/profile-service.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { Registry } from "../registry/registry.ts";
import type { StatusService } from "../registry/status-service.ts";
import type { SearchService } from "../search/search-service.ts";
import type { PlanWish } from "../search/wishes.ts";
import type { PlannedDevice } from "./rollout-record.ts";

export interface LadderParts {
  readonly registry: Pick<Registry, "device">;
  readonly profiles: Pick<ProfileService, "facts" | "all">;
  readonly priors: Pick<PriorService, "prior">;
  readonly documents: Pick<DocumentService, "newest" | "newestFor" | "current">;
  readonly statuses: Pick<StatusService, "newest">;
  readonly searches: Pick<SearchService, "plan" | "capacity">;
  readonly clock: Clock;
}

/** What a device gets. */
export interface Resolved {
  readonly device: DeviceRecord;
  /** Devices of one key get the same content, but for whose it is. */
  readonly key: string;
  readonly content: DocumentContent;
  /** That the device would choose; absent: a model that it has not measured yet. */
  readonly rung?: Prediction;
  readonly shown: Omit<PlannedDevice, "device" | "content">;
}

export interface ResolvedDevices {
  readonly resolved: readonly Resolved[];
  readonly leftOut: readonly LeftOut[];
}

/** Searches at once: they wait for the store, and the event loop gets its turn between them. */
const AT_ONCE = 16;

/**
 * Finds what each device gets. Devices that measured the same and may spend the same share one search: 10,000 of a few
 * classes take no longer than some of them.
 */
export async function resolveLadders(
  parts: LadderParts,
  spec: RolloutSpec,
  devices: readonly DeviceRecord[],
  options: StoreCallOptions = {},
): Promise<ResolvedDevices> {
  const leftOut: LeftOut[] = [];
  const groups = new Map<string, Group>();
  const lenders = new Lenders(parts, spec.model);
  for (const [index, device] of devices.entries()) {
    if (index % 256 === 255) await parts.clock.sleep(0, options);
    const found = await groupOf(parts, spec, device, lenders, options);
    if ("cause" in found) {
      leftOut.push(found);
      continue;
    }
    const group = groups.get(found.key);
    if (group === undefined) groups.set(found.key, { ...found, members: [device] });
    else group.members.push(device);
  }
  const all = [...groups.values()];
  const wish = wishOf(spec);
  const results = await forEachBounded(all.length, AT_ONCE, async (index) => {
    await parts.clock.sleep(0, options);
    return await resolveGroup(parts, wish, all[index] as Group, options);
  });
  return {
    resolved: results.flatMap((one) => one.resolved),
    leftOut: [...leftOut, ...results.flatMap((one) => one.leftOut)],
  };
}

interface GroupFacts {
  readonly key: string;
  readonly ofModel: KeptFacts | undefined;
  /** Absent: nothing was measured, and nothing has to be. */
  readonly header?: ProfileHeader;
  /** Absent: each has its own. */
  readonly profileOf?: DeviceIdentity;
}

interface Group extends GroupFacts {
  readonly members: DeviceRecord[];
}

function wishOf({ model, change: { rule, config, version }, confirm }: RolloutSpec): PlanWish {
  const budget = given({ memoryBytes: rule?.memory, windowMs: rule?.window });
  return {
    ...{ model, config, modelVersion: version, check: confirm === "checked" },
    budget: Object.keys(budget).length === 0 ? undefined : budget,
    ...{ objective: rule?.objective, reserveBytes: rule?.reserve, hours: rule?.hours, method: rule?.method },
  };
}

async function groupOf(
  { profiles, priors, documents, statuses, searches, clock }: LadderParts,
  { model, change }: RolloutSpec,
  device: DeviceRecord,
  lenders: Lenders,
  options: StoreCallOptions,
): Promise<GroupFacts | LeftOut> {
  const { identity, inventory, models } = device;
  const out = (cause: LeftOut["cause"], message: string): LeftOut => ({ device: identity.device, cause, message });
  const served = models.find(({ name }) => name === model);
  const manifestDigest = served?.manifestDigest ?? "";
  const name = { identity, model };
  const own = profiles.facts(name)?.value;
  const lender = own === undefined ? lenders.find(device, manifestDigest) : undefined;
  const header = own ?? lender?.header;
  // A published version that nobody has measured is measured by the device itself.
  if (header === undefined && change.version === undefined)
    return out(
      "no-profile",
      `nothing was measured on it, nor on one of class ${inventory.deviceClass} with this model`,
    );
  const ageMs = clock.now() - (header?.receivedAtMs ?? 0);
  if (change.rule?.profileAge !== undefined && ageMs > change.rule.profileAge)
    return out("old-profile", "its profile is older than the profileAge of the file");
  const newest = documents.newest(identity);
  const ofModel =
    newest === undefined || newest.model === model
      ? newest
      : await documents.newestFor(name, await documents.current(identity, options), options);
  const { budget, budgetSource, objective, reserveBytes, hours, method, artifact } = ofModel ?? {};
  const { inventory: machine, resources } = searches.capacity(device);
  const { tenant } = identity;
  const { deviceClass } = inventory;
  const prior = header && priors.prior({ ...header, tenant, model });
  const key = JSON.stringify([
    ...[manifestDigest, header?.measuredDigest, header?.chain, deviceClass, prior?.pooledAtMs],
    ...[machine.memoryBytes, resources?.memoryLimitBytes],
    ...[budgetSource === "given" ? budget : undefined, objective, reserveBytes, hours, method, artifact],
    ...[lender?.identity.device, served?.artifact, device.methods, hasGivenUp(statuses, identity, ofModel)],
  ]);
  return { key, ofModel, ...given({ header, profileOf: lender?.identity }) };
}

/** Whether a device runs what it had before its newest document. */
function hasGivenUp(
  statuses: LadderParts["statuses"],
  identity: DeviceIdentity,
  ofModel: KeptFacts | undefined,
): boolean {
  const reported = statuses.newest(identity);
  if (ofModel === undefined || reported === undefined) return false;
  const isOfIt = compareVersions(reported.version, ofModel.version) === 0;
  return isOfIt && (reported.state === "failed" || reported.state === "refused");
}

/** Instead of a configuration. */
const MEASURED_FIRST = "measured on the device first";

async function resolveGroup(
  { searches }: LadderParts,
  wish: PlanWish,
  { key, ofModel, header, profileOf, members }: Group,
  options: StoreCallOptions,
): Promise<ResolvedDevices> {
  const [first] = members as [DeviceRecord];
  try {
    const { content, measured } = await searches.plan(first, { ...wish, profileOf }, ofModel, options);
    const rung = content.rungs[content.chosenRung];
    const shown = {
      config: rung === undefined ? MEASURED_FIRST : asLine(describeRung(rung), REASON_LENGTH),
      ...given({
        memoryBytes: rung?.memoryBytes.upper,
        stepMs: rung?.stepMs.upper,
        accuracy: rung?.accuracy.expected,
        measured: measuredIn(measured, header),
        profileOf: profileOf?.device,
      }),
    };
    return {
      resolved: members.map((device) => ({ device, key, content, shown, ...given({ rung }) })),
      leftOut: [],
    };
  } catch (thrown) {
    const cause = causeOf(thrown);
    if (cause === undefined) throw thrown;
    const { message } = MpoError.from(thrown);
    const words = asLine(message);
    return {
      resolved: [],
      leftOut: members.map(({ identity }) => ({ device: identity.device, cause, message: words })),
    };
  }
}

function measuredIn(report: string | undefined, header: ProfileHeader | undefined): PlannedDevice["measured"] {
  return report === undefined || header === undefined ? undefined : { report, digest: header.measuredDigest };
}

function causeOf(thrown: unknown): LeftOut["cause"] | undefined {
  if (hasCode(thrown, "over-budget") || hasCode(thrown, "invalid-argument")) return "does-not-fit";
  return hasCode(thrown, "precondition-failed") || hasCode(thrown, "not-found") ? "no-profile" : undefined;
}

/** Devices whose profiles others of their class may take that have none. */
class Lenders {
  readonly #parts: LadderParts;
  readonly #model: string;
  /** By tenant, class and the model's digest; made when the first device has no profile. */
  #byClass: Map<string, Lender> | undefined;

  constructor(parts: LadderParts, model: string) {
    this.#parts = parts;
    this.#model = model;
  }

  /** The device of the same class and model with the newest profile. */
  find({ identity, inventory }: DeviceRecord, manifestDigest: string): Lender | undefined {
    this.#byClass ??= this.#collect();
    return this.#byClass.get(`${identity.tenant} ${inventory.deviceClass} ${manifestDigest}`);
  }

  #collect(): Map<string, Lender> {
    const found = new Map<string, Lender>();
    const { profiles, registry } = this.#parts;
    for (const { name, value: header } of profiles.all()) {
      const { identity, model } = name;
      const served = registry.device(identity)?.models.find((one) => one.name === model);
      if (model !== this.#model || header.chain === undefined || served === undefined) continue;
      const key = `${identity.tenant} ${header.deviceClass} ${served.manifestDigest}`;
      const known = found.get(key);
      if (known === undefined || header.receivedAtMs > known.header.receivedAtMs) found.set(key, { identity, header });
    }
    return found;
  }
}

interface Lender {
  readonly identity: DeviceIdentity;
  readonly header: ProfileHeader;
}
