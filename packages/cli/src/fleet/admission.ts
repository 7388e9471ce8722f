import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { byWhom, formatAge, formatMoment, given, hasCode, isName, MpoError } from "@mpo/core";
import { fileError, ifFound } from "@mpo/io";
import type { DeviceIdentity, EnrolmentState, EnrolmentView } from "@mpo/protocol";
import { type Command, InvalidArgumentError } from "commander";
import type { Asking, CommandContext } from "../command-context.ts";
import { addFleetCommand, type FleetOptions, fleetName, labelOf } from "../options/fleet-options.ts";
import type { OptionParser } from "../options/parsers.ts";
import { createListing } from "../output/listing.ts";
import { readPreauthorisations } from "./preauthorisations.ts";
import { chosenNames, type DeviceFilter, filterText } from "./select-devices.ts";
import { type AdminSession, pagesOf, withAdmin } from "./with-admin.ts";

interface DecideOptions extends FleetOptions {
  readonly key?: string;
  readonly reason: string;
}

/** What is decided of a device. */
const DECISIONS = {
  accept: ["accepted", "let a device that waits into the fleet"],
  reject: ["rejected", "turn a device that waits away, until it is accepted after all"],
  revoke: ["revoked", "take a device all that it may do, within seconds: a device or a key that was stolen"],
} as const;

const keyDigest: OptionParser<string> = (text) => {
  if (/^[0-9a-f]{64}$/u.test(text)) return text;
  throw new InvalidArgumentError("Expected 64 hexadecimal digits, as mpo devices pending prints them.");
};

/** `mpo devices pending`, `accept`, `reject`, `revoke`, `preauthorise` and `label`. */
export function defineAdmission(devices: Command, context: CommandContext): void {
  const pending = devices.command("pending").description("list the devices that wait to be let in");
  addFleetCommand(pending, PENDING).action((options: FleetOptions) => listPending(options, context));
  for (const [verb, [state, does]] of Object.entries(DECISIONS)) {
    addFleetCommand(devices.command(verb).description(does), `\nExample:\n  mpo devices ${verb} pi-7\n`)
      .argument("<device>", "its name", fleetName)
      .option(
        "--key <digest>",
        "only if this is its key; on the device: mpo agent key (default: whatever it has)",
        keyDigest,
      )
      .option("--reason <words>", "why; goes into the events", "")
      .action((device: string, options: DecideOptions) => decide(device, state, options, context));
  }
  const preauthorise = devices.command("preauthorise").description("let devices in before they come, by their keys");
  addFleetCommand(preauthorise, PREAUTHORISE)
    .argument("<file>", "one device a line")
    .action((file: string, options: FleetOptions) => preauthoriseDevices(file, options, context));
  addFleetCommand(devices.command("label").description("set a device's labels, and take some away"), LABEL)
    .argument(
      "<words...>",
      "its name, unless --where says which devices; then NAME=VALUE to set one, NAME- to take one away",
    )
    .option("--where <filter>", "all devices that a filter chooses", filterText)
    .action((words: readonly string[], options: DeviceFilter) => labelDevices(words, options, context));
}

const PENDING = `
A device that joined without a line, or with one that does not accept, waits. Compare its key with what mpo agent key prints on it.
`;
const PREAUTHORISE = `
The file has a line for each device, as mpo agent key prints it on the device: NAME,KEY and any labels after it, or with --json.
  pi-7,4ad1...e0,site=berlin
  {"name":"pi-8","key":"90be...17","labels":{"site":"berlin"}}

Example:
  mpo devices preauthorise keys.csv
`;
const LABEL = `
Examples:
  mpo devices label pi-7 site=berlin old-label-
  mpo devices label --where 'name matches berlin-*' site=berlin
`;

async function listPending(options: FleetOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const listing = createListing(terminal, ["device", "class", "board", "from", "asked", "key"]);
  await withAdmin(options, context, async (session) => {
    for await (const { enrolment, nowMs } of enrolmentsOf(options.tenant, "pending", session)) {
      const { identity, deviceClass, board, address, requestedAtMs = nowMs } = enrolment;
      listing.row(enrolment, () => [
        ...[identity.device, deviceClass ?? "", board, address, formatAge(nowMs - requestedAtMs), enrolment.keyDigest],
      ]);
    }
  });
  const count = listing.end();
  terminal.line(count === 0 ? "no device waits" : "next: mpo devices accept NAME, or mpo devices reject NAME");
}

async function decide(
  device: string,
  decision: (typeof DECISIONS)[keyof typeof DECISIONS][0],
  { tenant, key, reason, ...options }: DecideOptions,
  context: Asking,
): Promise<void> {
  const { terminal } = context;
  const identity = { tenant, device };
  const request = { identity, decision, reason, ...(key === undefined ? {} : { keyDigest: key }) };
  const { enrolment } = await withAdmin({ tenant, ...options }, context, ({ admin, call }) =>
    admin.decideEnrolment(request, call),
  );
  terminal.record({ event: `device-${decision}`, ...enrolment });
  terminal.line(`${decision} ${device}, whose key is ${enrolment.keyDigest}`);
  if (decision === "accepted") terminal.line(`next: within seconds: mpo devices show ${device}`);
}

/** Devices in one call. */
const AT_ONCE = 1000;

async function preauthoriseDevices(file: string, options: FleetOptions, context: Asking): Promise<void> {
  const { terminal, workingFolder } = context;
  const { tenant } = options;
  const path = resolve(workingFolder, file);
  const text = await readFile(path, "utf8").catch((thrown: unknown) => {
    throw fileError(thrown, "read", path);
  });
  const devices = readPreauthorisations(text, file).map(({ name, ...rest }) => ({
    identity: { tenant, device: name },
    ...rest,
  }));
  let added = 0;
  await withAdmin(options, context, async ({ admin, call }) => {
    for (let at = 0; at < devices.length; at += AT_ONCE) {
      added += (await admin.preauthoriseDevices({ tenant, devices: devices.slice(at, at + AT_ONCE) }, call)).added;
    }
  });
  terminal.record({ event: "devices-preauthorised", devices: devices.length, added });
  terminal.line(`${devices.length} devices may come with these keys; ${added} are new`);
  terminal.line("next: on each device: mpo agent --coordinator HOST:PORT --ca FILE, with what mpo ca export wrote");
}

async function labelDevices(words: readonly string[], options: DeviceFilter, context: Asking): Promise<void> {
  const { terminal } = context;
  const { tenant, where } = options;
  const [name, ...rest] = words;
  const device = where === undefined && name !== undefined ? fleetName(name) : undefined;
  const changes = device === undefined ? words : rest;
  if (changes.length === 0)
    throw new MpoError("invalid-argument", "expected NAME=VALUE, or NAME- to take a label away");
  const labels = changes.filter((word) => word.includes("=")).map(labelOrError);
  const removed = changes.filter((word) => !word.includes("=")).map(removedOrError);
  await withAdmin(options, context, async (session) => {
    const { admin, call } = session;
    const chosen = await chosenNames(device, options, session);
    for (const one of chosen) {
      const answer = await admin.labelDevice({ identity: { tenant, device: one }, labels, removed }, call);
      terminal.record({ event: "device-labelled", device: one, ...answer });
      const all = answer.labels.map((label) => `${label.name}=${label.value}`).join(", ");
      terminal.line(`${one}: ${all || "no labels of the fleet's"}`);
    }
    if (chosen.length === 0) terminal.line("no device to label");
  });
}

function labelOrError(word: string): { readonly name: string; readonly value: string } {
  try {
    return labelOf(word);
  } catch {
    throw new MpoError("invalid-argument", `${JSON.stringify(word)}: expected NAME=VALUE, such as site=berlin`);
  }
}

function removedOrError(word: string): string {
  if (word.endsWith("-") && isName(word.slice(0, -1))) return word.slice(0, -1);
  throw new MpoError("invalid-argument", `${JSON.stringify(word)}: expected NAME=VALUE, or NAME- to take a label away`);
}

/** Devices that are part of the fleet or ask to be, with the coordinator's clock when it said so. */
async function* enrolmentsOf(
  tenant: string,
  state: EnrolmentState | undefined,
  { admin, call }: AdminSession,
): AsyncGenerator<{ readonly enrolment: EnrolmentView; readonly nowMs: number }, void, undefined> {
  const filter = { tenant, ...given({ state }) };
  for await (const { enrolments, serverTimeMs: nowMs } of pagesOf((page) =>
    admin.listEnrolments({ ...filter, ...page }, call),
  )) {
    for (const enrolment of enrolments) yield { enrolment, nowMs };
  }
}

/** Says that devices wait; undefined: none, or the coordinator runs with `--insecure`. */
export async function pendingLine(tenant: string, { admin, call }: AdminSession): Promise<string | undefined> {
  const asked = admin.listEnrolments({ tenant, state: "pending", pageSize: AT_ONCE }, call);
  const { enrolments: { length } = [], nextPageToken } = (await ifFound(asked, "precondition-failed")) ?? {};
  if (length === 0) return undefined;
  const count = `${length}${nextPageToken === undefined ? "" : " or more"} ${length === 1 ? "device waits" : "devices wait"}`;
  return `next: ${count} to be let in: mpo devices pending`;
}

/** What the fleet knows a device by; undefined where nobody proves who they are. */
export async function enrolmentOf(
  { tenant, device }: DeviceIdentity,
  session: AdminSession,
): Promise<EnrolmentView | undefined> {
  try {
    for await (const { enrolment } of enrolmentsOf(tenant, undefined, session)) {
      if (enrolment.identity.device === device) return enrolment;
    }
  } catch (thrown) {
    if (!hasCode(thrown, "precondition-failed")) throw thrown;
  }
  return undefined;
}

export function enrolmentFacts(enrolment: EnrolmentView | undefined): readonly (readonly [string, string])[] {
  if (enrolment === undefined) return [];
  const { state, keyDigest: key, decidedBy, certificateEndsAtMs } = enrolment;
  const until = certificateEndsAtMs === undefined ? "none" : `good until ${formatMoment(certificateEndsAtMs)} UTC`;
  return [
    ["in the fleet", `${state}${decidedBy === undefined ? "" : `, by ${byWhom(decidedBy)}`}`],
    ["key", key],
    ["certificate", until],
  ];
}
