import { describeConfig, formatBytes, given, MpoError, SECOND_MS, typical } from "@mpo/core";
import type { DeviceView, ProbeFailure, WindowResult } from "@mpo/protocol";
import type { Command } from "commander";
import type { CommandContext, Output, Stop } from "../command-context.ts";
import { allPages, withAdmin } from "../fleet/with-admin.ts";
import { repeated } from "../options/address-options.ts";
import { addFleetCommand, type FleetOptions, fleetName, formatVersion, labelOf } from "../options/fleet-options.ts";
import { formatAccuracy, formatAge, formatDuration, formatJudged, formatMs } from "../output/format.ts";
import { createTable } from "../output/table.ts";

interface ListOptions extends FleetOptions {
  readonly label?: readonly { readonly name: string; readonly value: string }[];
  readonly class?: string;
}

interface ProbeOptions extends FleetOptions {
  readonly model?: string;
}

/** `mpo devices list`, `show`, `refresh` and `probe`. */
export function define(devices: Command, context: CommandContext): void {
  const list = devices.command("list").description("list the devices: what they are, have, and run");
  addFleetCommand(list, "\nExamples:\n  mpo devices list --label site=berlin\n  mpo devices list --json\n")
    .option("--label <name=value>", "only those with this label; may be repeated", repeated(labelOf))
    .option("--class <name>", "only those of this class", fleetName)
    .action((options: ListOptions) => listDevices(options, context));
  const show = devices.command("show").description("show one device and its latest retrainings, predicted and seen");
  addFleetCommand(show, "\nExample:\n  mpo devices show pi-7\n")
    .argument("<device>", "its name", fleetName)
    .action((device: string, options: FleetOptions) => showDevice(device, options, context));
  const refresh = devices
    .command("refresh")
    .description("ask devices to report again what they have, run and measured");
  addFleetCommand(refresh, "\nExamples:\n  mpo devices refresh pi-7\n  mpo devices refresh --label site=berlin\n")
    .argument("[device]", "its name", fleetName)
    .option("--label <name=value>", "all devices with this label; may be repeated", repeated(labelOf))
    .action((device: string | undefined, options: ListOptions) => refreshDevices(device, options, context));
  const probe = devices.command("probe").description("ask a device to measure its models again");
  addFleetCommand(probe, "\nExample:\n  mpo devices probe pi-7 --model cam\n")
    .argument("<device>", "its name", fleetName)
    .option("--model <name>", "only this model; default: all that it serves", fleetName)
    .action((device: string, options: ProbeOptions) => probeDevice(device, options, context));
}

/** Asks one device, or all with some labels, to report again. */
async function refreshDevices(device: string | undefined, options: ListOptions, context: Output & Stop): Promise<void> {
  const { terminal } = context;
  const { tenant, label: labels = [] } = options;
  if ((device === undefined) === (labels.length === 0)) {
    throw new MpoError("invalid-argument", "give the name of a device, or --label");
  }
  const names = await withAdmin(options, context, async ({ admin, call }) => {
    const listed =
      device !== undefined
        ? [device]
        : await allPages(async (page) => {
            const { devices, ...rest } = await admin.listDevices({ tenant, labels, ...page }, call);
            return { items: devices.map(({ identity }) => identity.device), ...rest };
          });
    for (const name of listed) await admin.refreshDevice({ identity: { tenant, device: name } }, call);
    return listed;
  });
  for (const name of names) terminal.record({ device: name });
  terminal.line(`asked ${names.join(", ") || "no device"}; the reports come with the next heartbeat`);
}

/** Asks a device to measure again. */
async function probeDevice(device: string, options: ProbeOptions, context: Output & Stop): Promise<void> {
  const { tenant, model } = options;
  const { models } = await withAdmin(options, context, ({ admin, call }) =>
    admin.probeDevice({ identity: { tenant, device }, ...given({ model }) }, call),
  );
  context.terminal.record({ device, models });
  context.terminal.line(`asked ${device} to probe ${models.join(", ")}; it begins when the device is idle`);
}

/** Prints the devices that have all of the labels. */
async function listDevices(options: ListOptions, context: Output & Stop): Promise<void> {
  const { terminal } = context;
  const { tenant, label: labels = [], class: deviceClass } = options;
  const devices = await withAdmin(options, context, ({ admin, call }) =>
    allPages(async (page) => {
      const request = { tenant, labels, ...given({ deviceClass }), ...page };
      const { devices: items, ...rest } = await admin.listDevices(request, call);
      return { items, ...rest };
    }),
  );
  const head = [
    "device",
    "state",
    "last seen",
    "class",
    "memory",
    "free",
    "models",
    "config",
    "told",
    "needs",
    "labels",
  ];
  const table = createTable(terminal, head);
  for (const device of devices) {
    terminal.record(device);
    const { identity, inventory, resources, models, desiredVersion, presence, lastSeenMs } = device;
    table.push([
      identity.device,
      presence,
      formatAge(Date.now() - lastSeenMs),
      inventory.deviceClass,
      formatBytes(Math.min(inventory.memoryBytes, resources.memoryLimitBytes ?? Number.POSITIVE_INFINITY)),
      formatBytes(resources.memoryAvailableBytes),
      models.map(({ name }) => name).join(", ") || "none",
      desiredVersion === undefined ? "none" : formatVersion(desiredVersion),
      toldOf(device),
      [...new Set(device.conditions.map(({ code }) => code))].join(", "),
      labelsOf(device),
    ]);
  }
  terminal.line(table.toString());
  terminal.line(summaryOf(devices));
  if (devices.length === 0) terminal.note("hint: start an agent on a device: mpo agent --coordinator HOST:PORT");
}

/** Prints all that is known of one device, and its latest windows: what was predicted, and what was seen. */
async function showDevice(name: string, options: FleetOptions, context: Output & Stop): Promise<void> {
  const { terminal } = context;
  const identity = { tenant: options.tenant, device: name };
  const { device, windows, probeFailures } = await withAdmin(options, context, ({ admin, call }) =>
    admin.getDevice({ identity }, call),
  );
  terminal.record({ ...device, windows, probeFailures });
  const table = createTable(terminal, [], { widths: [15, 62], compact: true });
  for (const [what, value] of factsOf(device)) table.push([what, value]);
  terminal.line(table.toString());
  for (const { code, sinceMs, message } of device.conditions) {
    terminal.line(`needs a look, since ${formatAge(Date.now() - sinceMs)}: ${code}: ${message}`);
  }
  for (const failure of probeFailures) terminal.line(failureLine(failure));
  if (windows.length === 0) terminal.line("it has not retrained yet");
  else terminal.line(windowTable(windows, context));
}

function factsOf(device: DeviceView): readonly (readonly [string, string])[] {
  const { inventory, resources, presence, lastSeenMs, models, desiredVersion, identity } = device;
  const { memoryLimitBytes, memoryPressurePercent, temperatureCelsius, loadAverage } = resources;
  const hot = temperatureCelsius === undefined ? "" : `, ${temperatureCelsius.toFixed(0)} °C`;
  const pressure = memoryPressurePercent === undefined ? "" : `, memory pressure ${memoryPressurePercent.toFixed(1)} %`;
  const limit = memoryLimitBytes === undefined ? "" : `, limit ${formatBytes(memoryLimitBytes)}`;
  return [
    ["device", `${identity.device} (tenant ${identity.tenant})`],
    ["state", `${presence}, last seen ${formatAge(Date.now() - lastSeenMs)}`],
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
    ["models", models.map((model) => `${model.name} (${model.manifestDigest.slice(0, 12)})`).join(", ") || "none"],
    ["config", desiredVersion === undefined ? "none" : `${formatVersion(desiredVersion)}; told: ${toldOf(device)}`],
    ["labels", labelsOf(device) || "none"],
  ];
}

function failureLine({ model, failedAtMs, failures, retryAtMs, message }: ProbeFailure): string {
  const waitMs = retryAtMs - Date.now();
  const again =
    waitMs > 0 ? `again in ${formatDuration(waitMs / SECOND_MS)} at the earliest` : "again when the device is idle";
  const times = failures === 1 ? "" : ` (${failures} times in a row)`;
  return `the probe of ${model} failed ${formatAge(Date.now() - failedAtMs)}${times}: ${message}\n  it is tried ${again}`;
}

/** 80 columns in all. */
const WINDOW_WIDTHS = [14, 23, 16, 22] as const;

/** What was predicted beside what was seen. */
function windowTable(windows: readonly WindowResult[], { terminal }: Output): string {
  const table = createTable(terminal, ["window", "configuration", "memory", "time"], { widths: WINDOW_WIDTHS });
  for (const window of windows) {
    const { rung, peakBytes, stepMs, overheadMs } = window;
    const seen = (text: string | undefined): string => `seen ${text ?? "nothing"}`;
    table.push([
      `${formatAge(Date.now() - window.openedAtMs)}\n${window.model}\n${window.outcome}`,
      describeConfig(rung.config),
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
    const accuracy = { colSpan: WINDOW_WIDTHS.length, content: accuracyLine(window) };
    table.push([accuracy]);
  }
  return table.toString();
}

function accuracyLine(window: WindowResult): string {
  const { rung, accuracyBefore, accuracyAfter, judgement } = window;
  const judged = (accuracy: number | undefined): string =>
    accuracy === undefined ? "?" : formatJudged(accuracy, window);
  const by = { labels: "by labels", "label-free": "estimated without labels" };
  const seen =
    judgement === undefined ? "not judged" : `${judged(accuracyBefore)} -> ${judged(accuracyAfter)}, ${by[judgement]}`;
  return `accuracy: predicted ${formatAccuracy(rung.accuracy)}\n${seen}`;
}

function toldOf({ reportedStatus }: DeviceView): string {
  if (reportedStatus === undefined) return "nothing yet";
  const { version, state, rung } = reportedStatus;
  return `${formatVersion(version)} ${state}${rung === undefined ? "" : `, rung ${rung + 1}`}`;
}

function labelsOf({ labels }: DeviceView): string {
  return labels.map(({ name, value }) => `${name}=${value}`).join(", ");
}

function summaryOf(devices: readonly DeviceView[]): string {
  const online = devices.filter(({ presence }) => presence === "online").length;
  return `${devices.length} ${devices.length === 1 ? "device" : "devices"}, ${online} online`;
}
