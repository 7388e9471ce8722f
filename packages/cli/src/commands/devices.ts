import {
  describeRung,
  formatAccuracy,
  formatAge,
  formatBytes,
  formatDuration,
  formatLeft,
  formatMs,
  formatVersion,
  SECOND_MS,
  typical,
} from "@mpo/core";
import type { DeviceView, ProbeFailure, ServedModel, WindowResult } from "@mpo/protocol";
import type { Command } from "commander";
import type { Asking, CommandContext, Output } from "../command-context.ts";
import { defineAdmission, enrolmentFacts, enrolmentOf, pendingLine } from "../fleet/admission.ts";
import { defineAsking } from "../fleet/ask-devices.ts";
import { defineDecide } from "../fleet/decide-device.ts";
import { defineEndOfLife } from "../fleet/end-of-life.ts";
import {
  addDeviceFilter,
  type DeviceFilter,
  type SelectedDevice,
  selectDevices,
  whereOf,
} from "../fleet/select-devices.ts";
import { withAdmin } from "../fleet/with-admin.ts";
import { addFleetCommand, type FleetOptions, fleetName } from "../options/fleet-options.ts";
import { accuracyIntervalOf, formatJudged } from "../output/format.ts";
import { createListing } from "../output/listing.ts";
import { createTable } from "../output/table.ts";

/** `mpo devices` and what follows it. */
export function define(devices: Command, context: CommandContext): void {
  const list = devices.command("list").description("list the devices: what they are, have, and run");
  addDeviceFilter(addFleetCommand(list, LIST))
    .option("--retired", "only retired devices, which are left out otherwise", false)
    .action((options: DeviceFilter) => listDevices(options, context));
  const show = devices.command("show").description("show one device and its latest retrainings, predicted and seen");
  addFleetCommand(show, "\nExample:\n  mpo devices show pi-7\n")
    .argument("<device>", "its name", fleetName)
    .action((device: string, options: FleetOptions) => showDevice(device, options, context));
  defineAsking(devices, context);
  defineAdmission(devices, context);
  defineDecide(devices, context);
  defineEndOfLife(devices, context);
}

const LIST = `
Filters compare attributes, and join with and, or, not and parentheses: memory < 2GiB and label.site in (berlin, bonn). All of them: deploy/guides/fleet.md.

Examples:
  mpo devices list --where 'class matches pi-* and lastSeen > 10min'
  mpo devices list --label site=berlin
  mpo devices list --json
`;
const HEAD = [
  "device",
  "state",
  "last seen",
  "class",
  "memory",
  "free",
  "models",
  "config",
  "reported",
  "needs",
  "labels",
];

/** Prints the devices that a filter chooses, as they come in. */
async function listDevices(options: DeviceFilter, context: Asking): Promise<void> {
  const { terminal } = context;
  let online = 0;
  const listing = createListing(terminal, HEAD);
  const waiting = await withAdmin(options, context, async (session) => {
    for await (const selected of selectDevices(options, session)) {
      if (selected.device.presence === "online") online += 1;
      listing.row(selected.device, () => rowOf(selected));
    }
    return terminal.json ? undefined : await pendingLine(options.tenant, session);
  });
  const count = listing.end();
  terminal.line(`${count} ${count === 1 ? "device" : "devices"}, ${online} online`);
  if (waiting !== undefined) terminal.line(waiting);
  if (count === 0 && whereOf(options) === undefined)
    terminal.note(
      "hint: start an agent on a device: mpo agent; on another machine, with a line of mpo token create --accept",
    );
}

function rowOf({ device, nowMs }: SelectedDevice): readonly string[] {
  const { identity, inventory, resources, models, desiredVersion, lastSeenMs } = device;
  return [
    identity.device,
    stateOf(device),
    formatAge(nowMs - lastSeenMs),
    inventory.deviceClass,
    formatBytes(Math.min(inventory.memoryBytes, resources.memoryLimitBytes ?? Number.POSITIVE_INFINITY)),
    formatBytes(resources.memoryAvailableBytes),
    models.map(({ name, artifact }) => (artifact ? `${name}@${artifact.version}` : name)).join(", ") || "none",
    desiredVersion === undefined ? "none" : formatVersion(desiredVersion),
    reportOf(device, nowMs),
    [...new Set(device.conditions.map(({ code }) => code))].join(", "),
    labelsOf(device),
  ];
}

function stateOf({ presence, retiredAtMs }: DeviceView): string {
  return retiredAtMs === undefined ? presence : "retired";
}

/** Prints all that is known of one device, and its latest windows: what was predicted, and what was seen. */
async function showDevice(name: string, options: FleetOptions, context: Asking): Promise<void> {
  const { terminal } = context;
  const identity = { tenant: options.tenant, device: name };
  const { found, enrolment } = await withAdmin(options, context, async (session) => ({
    found: await session.admin.getDevice({ identity }, session.call),
    enrolment: await enrolmentOf(identity, session),
  }));
  const { device, windows, probeFailures, serverTimeMs } = found;
  const records = windows.map((window) => ({ ...window, ...accuracyIntervalOf(window) }));
  terminal.record({ ...device, windows: records, probeFailures, enrolment: enrolment ?? null });
  const table = createTable(terminal, [], { compact: true });
  for (const [what, value] of [...factsOf(device, serverTimeMs), ...enrolmentFacts(enrolment)])
    table.push([what, value]);
  terminal.line(table.toString());
  for (const { code, sinceMs, message } of device.conditions) {
    terminal.line(`needs a look, since ${formatAge(serverTimeMs - sinceMs)}: ${code}: ${message}`);
  }
  const { desiredModel, models } = device;
  const others = models.map((model) => model.name).filter((model) => model !== desiredModel);
  if (desiredModel !== undefined && others.length > 0) {
    terminal.line(`only ${desiredModel} is retrained: the newest configuration is for it, and a device runs one`);
    terminal.line(`  for another model: mpo config push ${name} --model ${others[0]}`);
  }
  for (const failure of probeFailures) terminal.line(failureLine(failure, serverTimeMs));
  if (windows.length === 0) terminal.line("it has not retrained yet");
  else terminal.line(windowTable(windows, serverTimeMs, context));
}

function factsOf(device: DeviceView, nowMs: number): readonly (readonly [string, string])[] {
  const { inventory, resources, lastSeenMs, models, desiredVersion, desiredModel, identity } = device;
  const { memoryLimitBytes, memoryPressurePercent, temperatureCelsius, loadAverage } = resources;
  const hot = temperatureCelsius === undefined ? "" : `, ${temperatureCelsius.toFixed(0)} °C`;
  const pressure = memoryPressurePercent === undefined ? "" : `, memory pressure ${memoryPressurePercent.toFixed(1)} %`;
  const limit = memoryLimitBytes === undefined ? "" : `, limit ${formatBytes(memoryLimitBytes)}`;
  return [
    ["device", `${identity.device} (tenant ${identity.tenant})`],
    ["state", `${stateOf(device)}, last seen ${formatAge(nowMs - lastSeenMs)}`],
    ["busy with", busyWith(device, nowMs) ?? "nothing"],
    ["class", inventory.deviceClass],
    ["board", [inventory.board, inventory.cpuModel].filter((text) => text !== "").join(", ") || "unknown"],
    ["processor", `${inventory.cpuCores} cores, ${inventory.architecture}`],
    ["accelerators", inventory.gpus.map((gpu) => gpu.name).join(", ") || "none"],
    ["memory", `${formatBytes(inventory.memoryBytes)}${limit}, free ${formatBytes(resources.memoryAvailableBytes)}`],
    ["disk free", formatBytes(resources.diskFreeBytes)],
    ["now", `load ${loadAverage.toFixed(2)}${pressure}${hot}${resources.isThrottled ? ", throttled" : ""}`],
    ["system", `${inventory.os}, kernel ${inventory.kernel}`],
    [
      "software",
      `agent ${inventory.agentVersion}, engine ${inventory.engineVersion ?? "none"}, Node ${inventory.nodeVersion}`,
    ],
    ["models", models.map(modelInWords).join(", ") || "none"],
    [
      "config",
      desiredVersion === undefined
        ? "none"
        : `${formatVersion(desiredVersion)} for ${desiredModel}; reported: ${reportOf(device, nowMs)}`,
    ],
    ...(inventory.ownerLimits === undefined ? [] : [["owner's limits", inventory.ownerLimits] as const]),
    ...(inventory.timeZone === undefined ? [] : [["time zone", inventory.timeZone] as const]),
    ["labels", labelsOf(device) || "none"],
  ];
}

/** "camera@3" for a published version, else by what it is. */
function modelInWords({ name, manifestDigest, artifact }: ServedModel): string {
  return artifact ? `${name}@${artifact.version}` : `${name} (${manifestDigest.slice(0, 12)})`;
}

function failureLine(failure: ProbeFailure, nowMs: number): string {
  const { model, failedAtMs, failures, retryAtMs, message, receivedAtMs = failedAtMs } = failure;
  const ageMs = nowMs - receivedAtMs;
  // Both are times of the device: only how long it waits is certain.
  const waitMs = retryAtMs - failedAtMs - ageMs;
  const again =
    waitMs > 0 ? `again in ${formatDuration(waitMs / SECOND_MS)} at the earliest` : "again when the device is idle";
  const times = failures === 1 ? "" : ` (${failures} times in a row)`;
  return `the probe of ${model} failed ${formatAge(ageMs)}${times}: ${message}\n  it is tried ${again}`;
}

/** What was predicted beside what was seen. */
function windowTable(windows: readonly WindowResult[], nowMs: number, { terminal }: Output): string {
  const table = createTable(terminal, ["window", "configuration", "memory", "time"]);
  for (const window of windows) {
    const { rung, peakBytes, stepMs, overheadMs } = window;
    const seen = (text: string | undefined): string => `seen ${text ?? "nothing"}`;
    table.push([
      `${formatAge(nowMs - (window.receivedAtMs ?? window.openedAtMs))}\n${window.model}\n${window.outcome}`,
      describeRung(rung),
      [
        formatBytes(rung.memoryBytes.expected),
        `up to ${formatBytes(rung.memoryBytes.upper)}`,
        seen(peakBytes === undefined ? undefined : formatBytes(peakBytes)),
      ].join("\n"),
      [
        `step ${formatMs(rung.stepMs.expected)}`,
        seen(stepMs.length === 0 ? undefined : formatMs(typical(stepMs))),
        `besides ${formatMs(rung.overheadMs)}`,
        seen(overheadMs === undefined ? undefined : formatMs(overheadMs)),
        `took ${formatMs(window.durationMs)}`,
      ].join("\n"),
    ]);
    table.push([accuracyLine(window)]);
  }
  return table.toString();
}

function accuracyLine(window: WindowResult): string {
  const { rung, accuracyBefore, accuracyAfter, judgement, start } = window;
  const judged = (accuracy: number | undefined): string =>
    accuracy === undefined ? "?" : formatJudged(accuracy, window);
  const by = { labels: "by labels", "label-free": "estimated without labels" };
  const seen =
    judgement === undefined ? "not judged" : `${judged(accuracyBefore)} -> ${judged(accuracyAfter)}, ${by[judgement]}`;
  const from = start?.isTaken === true ? `\nfrom what ${start.device} has learned` : "";
  return `accuracy: predicted ${formatAccuracy(rung.accuracy)}\n${seen}${from}`;
}

/** What the device is busy with, else what it has reported of its configuration. */
function reportOf(device: DeviceView, nowMs: number): string {
  const busy = busyWith(device, nowMs);
  if (device.reportedStatus === undefined) return busy ?? "no report yet";
  const { version, state, rung } = device.reportedStatus;
  const report = `${formatVersion(version)} ${state}${rung === undefined ? "" : `, rung ${rung}`}`;
  return busy === undefined ? report : `${report}; ${busy}`;
}

/** `probing fashion, up to 2 min`. */
function busyWith({ doing }: DeviceView, nowMs: number): string | undefined {
  if (doing === undefined) return undefined;
  const work = { probe: "probing", window: "retraining", check: "checking" }[doing.kind];
  const left = doing.untilMs > nowMs ? `, up to ${formatLeft(doing.untilMs - nowMs)}` : "";
  return `${work} ${doing.model}${left}`;
}

function labelsOf({ labels }: DeviceView): string {
  return labels.map(({ name, value }) => `${name}=${value}`).join(", ");
}
