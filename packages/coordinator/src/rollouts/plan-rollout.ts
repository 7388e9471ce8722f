import {
  type DeviceProgress,
  divideDevices,
  hasCode,
  isTimeZone,
  MpoError,
  newRollout,
  parseRolloutSpec,
  type RolloutSpec,
  type RolloutState,
  starvedGroups,
} from "@mpo/core";
import { asLine, type LeftOut } from "@mpo/protocol";
import type { StoreCallOptions } from "@mpo/transport";
import type { PublishedModels } from "../artifacts/published-models.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { Registry } from "../registry/registry.ts";
import type { Selection } from "../selection/selection.ts";
import { type Fleet, groupOf } from "./fleet-groups.ts";
import { forecastOf } from "./forecast-of.ts";
import { addressFault, type HookHosts } from "./outside-calls.ts";
import { distributionOf, type FreshPart, type PlacedDevice, planParts } from "./plan-parts.ts";
import { type LadderParts, type Resolved, resolveLadders } from "./resolve-ladders.ts";
import type { PlanSummary } from "./rollout-record.ts";

export interface PlanParts extends LadderParts {
  readonly registry: Pick<Registry, "device" | "devices" | "seen">;
  readonly selection: Pick<Selection, "select">;
  readonly fleet: Fleet;
  readonly hosts: HookHosts;
  readonly models: Pick<PublishedModels, "required">;
}

/** A rollout that is frozen, before it is stored. */
export interface FrozenPlan {
  readonly spec: RolloutSpec;
  readonly state: RolloutState;
  readonly parts: readonly FreshPart[];
  readonly summary: PlanSummary;
}

/** Left-out devices that are named. */
const MAX_NAMED = 1_000;

/** A rollout's file. Throws `invalid-argument` with all that is wrong with it. */
export function readSpec(text: string): RolloutSpec {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MpoError("invalid-argument", "the rollout is not valid JSON", { cause });
  }
  return parseRolloutSpec(value);
}

/**
 * Freezes who gets what, when, and why others do not. Nothing is stored or pushed. Throws `invalid-argument` with all that
 * keeps the rollout from ever working.
 */
export async function planRollout(
  parts: PlanParts,
  { tenant, text, nowMs }: { readonly tenant: string; readonly text: string; readonly nowMs: number },
  options: StoreCallOptions = {},
): Promise<FrozenPlan> {
  const spec = readSpec(text);
  const faults: string[] = [...fileFaults(parts, tenant, spec)];
  const fail = (): never => {
    throw new MpoError("invalid-argument", faults.join("; "), { hint: "Nothing was changed. Correct the file." });
  };
  const isIn = waveFilter(parts, tenant, spec, faults);
  const selected = trying(faults, () => parts.selection.select(tenant, spec.where)) ?? [];
  if (faults.length > 0) fail();
  const { meant, leftOut } = partedDevices(spec, selected);
  if (selected.length === 0) faults.push(`no device is selected${spec.where === undefined ? "" : ` by ${spec.where}`}`);
  const found = await resolveLadders(parts, spec, meant, options);
  const all = [...leftOut, ...found.leftOut];
  if (found.resolved.length === 0 && selected.length > 0) faults.push(nobodyFits(spec, all));
  if (faults.length > 0) fail();
  const byName = new Map(found.resolved.map((one) => [one.device.identity.device, one]));
  faults.push(...starved(parts, tenant, spec, found.resolved));
  const divided = trying(faults, () => divideDevices(spec, [...byName.keys()], isIn));
  if (divided === undefined || faults.length > 0) return fail();
  const { waves, control } = divided;
  const before = (device: string): DeviceProgress["before"] => parts.documents.newest({ tenant, device })?.version;
  const { state, devices } = newRollout(waves, before, nowMs);
  const placed = devices.map(
    ({ device, wave }): PlacedDevice => ({ ...(byName.get(device) as Resolved), wave, before: before(device) }),
  );
  const controls = control.map(
    (device): LeftOut => ({ device, cause: "control", message: "stays as it is, to compare" }),
  );
  const sorted = [...all, ...controls].sort((left, right) => (left.device < right.device ? -1 : 1));
  return {
    ...{ spec, state },
    parts: planParts(placed, nowMs),
    summary: {
      distribution: distributionOf(placed),
      leftOut: sorted.slice(0, MAX_NAMED),
      leftOutCount: sorted.length,
      control,
      forecast: forecastOf(parts.fleet, tenant, { spec, state, devices }, placed, nowMs),
    },
  };
}

/** What is wrong whatever devices there are. */
function fileFaults({ hosts, registry, models }: PlanParts, tenant: string, spec: RolloutSpec): readonly string[] {
  const { gates, hooks, exclude, change } = spec;
  const faults: string[] = [];
  const { version } = change;
  if (version !== undefined) trying(faults, () => models.required(tenant, spec.model, version), "change.version: ");
  for (const device of exclude)
    if (registry.device({ tenant, device }) === undefined) faults.push(`exclude: there is no device ${device}`);
  const addresses = [
    ...gates.flatMap(({ name, prometheus, webhook }) => [
      [`gates.${name}`, prometheus?.address] as const,
      [`gates.${name}`, webhook] as const,
    ]),
    ...Object.entries(hooks ?? {}).map(([hook, address]) => [`hooks.${hook}`, address] as const),
  ];
  for (const [where, address] of addresses) {
    const fault = address === undefined ? undefined : addressFault(address, hosts);
    if (fault !== undefined) faults.push(`${where}: ${fault}`);
  }
  return faults;
}

function waveFilter({ selection }: PlanParts, tenant: string, spec: RolloutSpec, faults: string[]) {
  const chosen = new Map<string, ReadonlySet<string>>();
  for (const [index, { where }] of spec.waves.entries()) {
    if (where === undefined || chosen.has(where)) continue;
    const devices = trying(faults, () => selection.select(tenant, where), `wave ${index + 1}: `) ?? [];
    chosen.set(where, new Set(devices.map(({ identity }) => identity.device)));
  }
  return (device: string, { where }: { readonly where?: string | undefined }): boolean =>
    where === undefined || (chosen.get(where)?.has(device) ?? false);
}

/** What cannot be done is one more fault. */
function trying<Result>(faults: string[], work: () => Result, prefix = ""): Result | undefined {
  try {
    return work();
  } catch (thrown) {
    if (!hasCode(thrown, "invalid-argument", "not-found")) throw thrown;
    faults.push(prefix + MpoError.from(thrown).message);
    return undefined;
  }
}

/** Devices that are to be changed, and those that cannot be or must not. */
export function partedDevices(
  { model, where, exclude, hours }: RolloutSpec,
  selected: readonly DeviceRecord[],
): { readonly meant: readonly DeviceRecord[]; readonly leftOut: readonly LeftOut[] } {
  const meant: DeviceRecord[] = [];
  const leftOut: LeftOut[] = [];
  const excluded = new Set(exclude);
  for (const record of selected) {
    const { identity, models, inventory, retiredAtMs } = record;
    const { device } = identity;
    const isServed = models.some(({ name }) => name === model);
    // Without a filter only those are meant that serve the model.
    if (retiredAtMs !== undefined || (!isServed && where === undefined)) continue;
    const { timeZone } = inventory;
    if (excluded.has(device)) leftOut.push({ device, cause: "excluded", message: "the rollout excludes it" });
    else if (!isServed) leftOut.push({ device, cause: "not-served", message: `it does not serve ${model}` });
    else if (hours?.zone === "device" && (timeZone === undefined || !isTimeZone(timeZone))) {
      const known =
        timeZone === undefined ? "it does not say its time zone" : `time zone ${timeZone} is not known here`;
      leftOut.push({ device, cause: "unknown-zone", message: known });
    } else meant.push(record);
  }
  return { meant, leftOut };
}

function nobodyFits({ model }: RolloutSpec, leftOut: readonly LeftOut[]): string {
  if (leftOut.length === 0) return `no device serves ${model}`;
  const [first] = leftOut.filter(({ cause }) => cause === "does-not-fit");
  const [any] = leftOut;
  const example = first ?? any;
  const why = example === undefined ? "" : `, as of ${example.device}: ${example.message}`;
  return asLine(`none of the devices that are selected can be changed so${why}`);
}

function starved(
  { fleet }: PlanParts,
  tenant: string,
  spec: RolloutSpec,
  resolved: readonly Resolved[],
): readonly string[] {
  const { disruption } = spec;
  if (disruption === undefined) return [];
  const touched = new Set(resolved.map(({ device }) => groupOf(disruption, device)));
  const sizes = [...fleet.groups(tenant, disruption)].flatMap(([group, { size }]) =>
    touched.has(group) ? [[group, size] as const] : [],
  );
  return starvedGroups(disruption, new Map(sizes)).map(([group, size]) => {
    const where = disruption.by === undefined ? "the fleet" : `${disruption.by} ${group === "" ? "(none)" : group}`;
    return `disruption: it could never move: none of the ${size} devices of ${where} may ever be away`;
  });
}
