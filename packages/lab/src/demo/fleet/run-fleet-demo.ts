import type { CommandContext } from "@mpo/cli";
import { formatBytes, formatDuration, SECOND_MS } from "@mpo/core";
import { onAbort } from "@mpo/io";
import type { DeviceIdentity, FleetEvent } from "@mpo/protocol";
import type { CommandRecord } from "./child-command.ts";
import { type Demo, PATIENCE_MS, TENANT } from "./demo.ts";
import { type DemoDevice, demoDevices } from "./demo-devices.ts";
import { type DeviceOutcome, imagesAfter, phasesOf, readOutcome } from "./device-outcome.ts";
import { FleetEvents } from "./fleet-events.ts";
import { type DeviceProcesses, type FleetDemoOptions, FleetRoom } from "./fleet-room.ts";
import { printOutcomes } from "./print-outcomes.ts";
import { runRollout } from "./run-rollout.ts";

/**
 * A fleet on one machine, each part a process of its own: a coordinator with its NATS server, and for each device an agent
 * and a program that serves. The agents enrol, probe and get their configurations; then the images drift. At last a change
 * is rolled out to all of them, and taken back.
 */
export async function runFleetDemo(options: FleetDemoOptions, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const began = performance.now();
  const note = (text: string): void => terminal.note(`[${clockOf(performance.now() - began)}] ${text}`);
  const devices = demoDevices(options.devices);
  const room = await FleetRoom.open(options, context);
  const ends = new AbortController();
  let following: Promise<void> = Promise.resolve();
  let isFinished = false;
  try {
    note(`everything that follows lies in ${room.folder}`);
    note("starting a coordinator: it starts a NATS server of its own, which holds all of its state");
    const admin = await room.startCoordinator();
    note(`the coordinator listens on ${room.target}`);
    await noteConsole(room, note, "watch it in a browser");
    const events = new FleetEvents(eventNotes(note));
    following = events.follow(admin, TENANT, ends.signal);
    const demo: Demo = { options, context, room, admin, events, note };
    const outcomes = await runDevices(devices, demo);
    for (const outcome of outcomes) terminal.record({ event: "device", ...outcome });
    printOutcomes(outcomes, terminal);
    for (const summary of room.groupSummaries()) terminal.line(summary);
    await noteConsole(room, note, "what they did is in the console");
    await runRollout(devices, demo);
    const seconds = (performance.now() - began) / SECOND_MS;
    terminal.record({ event: "done", seconds });
    terminal.line(`done in ${formatDuration(seconds)}`);
    isFinished = true;
    if (options.keep) await stayUp(demo, devices);
  } finally {
    ends.abort();
    if (isFinished && !options.keep) terminal.detail("stopping all processes");
    const removesFolder = options.folder === undefined && !options.keep;
    await room.close({ removesFolder });
    await following;
    if (!removesFolder) terminal.note(`logs and data of all processes are in ${room.folder}`);
  }
}

/** First all devices come, one after the other; then, one after the other, their images drift. */
async function runDevices(devices: readonly DemoDevice[], demo: Demo): Promise<readonly DeviceOutcome[]> {
  const started: DeviceProcesses[] = [];
  for (const device of devices) started.push(await enrol(device, demo));
  const outcomes: Promise<DeviceOutcome>[] = [];
  for (const processes of started) {
    await drift(processes, demo);
    const outcome = judge(processes, demo);
    // Another device may fail first: this one's failure is looked at in its turn.
    outcome.catch(() => undefined);
    outcomes.push(outcome);
  }
  return await Promise.all(outcomes);
}

async function enrol(device: DemoDevice, { options, context, room, events, note }: Demo): Promise<DeviceProcesses> {
  const { signal } = context;
  note(`${device.name}: a program begins to serve clean images of clothes`);
  const app = await room.startApp(device);
  note(`${device.name}: its agent starts, and treats the device as one with ${device.memory} (simulated)`);
  const agent = await room.startAgent(device, (line) => noteAgent(device.name, line, note));
  const withinMs = options.probeTime + PATIENCE_MS;
  const kind = /^document-applied$/u;
  await Promise.race([events.until({ device: device.name, kind }, { signal, withinMs }), room.failed]);
  return { device, app, agent };
}

async function drift({ device, app }: DeviceProcesses, { options, context, room, events, note }: Demo): Promise<void> {
  const { signal } = context;
  const behind = events.position;
  note(`${device.name}: from now on its images come with ${device.corruption}; the agent is not notified`);
  app.type("");
  const withinMs = options.driftProbeTime + options.window + PATIENCE_MS;
  const kind = /^window-(?!over-memory|checked)/u;
  await Promise.race([events.until({ device: device.name, kind, behind }, { signal, withinMs }), room.failed]);
}

/** Waits until enough was served after the window, and puts everything together. */
async function judge({ device, app }: DeviceProcesses, { options, context, admin }: Demo): Promise<DeviceOutcome> {
  const { signal } = context;
  const identity: DeviceIdentity = { tenant: TENANT, device: device.name };
  const { windows } = await admin.getDevice({ identity }, { signal });
  if (windows[0]?.outcome === "replaced") {
    await app.until((each) => (imagesAfter(phasesOf(each)) >= options.judgedImages ? true : undefined), signal);
  }
  return await readOutcome(device, identity, { admin, app, signal });
}

/** A link is good for one browser and a minute: another comes when there is more to see. */
async function noteConsole(room: FleetRoom, note: (text: string) => void, why: string): Promise<void> {
  const link = await room.consoleLink();
  if (link !== undefined) note(`${why}: ${link} (works once, within a minute)`);
}

/** Prints how to look around, and waits for Ctrl-C. */
async function stayUp({ room, context }: Demo, devices: readonly DemoDevice[]): Promise<void> {
  const { terminal, signal } = context;
  const [device] = devices;
  const where = `--coordinator ${room.target}`;
  const link = await room.consoleLink();
  const commands = [
    ...(link === undefined ? [] : [`console ${where}`]),
    `devices list ${where}`,
    `devices show ${device?.name} ${where}`,
    `config explain ${device?.name} ${where}`,
    `profiles list ${where}`,
    `events --follow ${where}`,
  ];
  if (link !== undefined) terminal.line(`Everything keeps running. Open the console within a minute: ${link}`);
  terminal.line(link === undefined ? "Everything keeps running. Look around:" : "Later, or from another terminal:");
  for (const command of commands) terminal.line(`  npm run mpo -- ${command}`);
  terminal.line("Press Ctrl-C to stop all of it.");
  terminal.record({
    event: "kept",
    coordinator: room.target,
    folder: room.folder,
    commands,
    ...(link === undefined ? {} : { link }),
  });
  await new Promise<void>((resolve) => void onAbort(signal, resolve));
}

/** Each once: an agent also reports when it moves to another rung of the ladder. */
function eventNotes(note: (text: string) => void): (event: FleetEvent) => void {
  const noted = new Set<string>();
  return ({ kind, device, message }) => {
    const text = EVENTS[kind];
    const line = `${device}: ${text}${message === "" ? "" : ` (${message})`}`;
    if (text === undefined || noted.has(line)) return;
    noted.add(line);
    note(line);
  };
}

const EVENTS: Readonly<Record<string, string>> = {
  "device-enrolled": "enrolled at the coordinator over gRPC",
  "profile-stored": "the coordinator has its profile, and searches",
  "config-pushed": "the coordinator pushed it a ladder of configurations over NATS",
  "document-applied": "the agent uses the ladder",
  "document-refused": "the agent refused the ladder",
  "window-replaced": "retrained, and the new model is published",
  "window-kept-old": "retrained, but the old model stays",
  "window-checked": "a few steps of the configuration were measured first",
  "window-over-memory": "the retraining hit its memory limit; a cheaper rung is tried",
  "window-out-of-time": "the retraining did not finish in its time",
  "window-cancelled": "the retraining was ended",
  "window-failed": "the retraining failed",
};

/** The part of an agent's log that its owner would want to see happen. */
function noteAgent(device: string, line: CommandRecord, note: (text: string) => void): void {
  const { msg, level } = line;
  const bytes = Number(line["memoryBytes"]);
  if (msg === "a probe begins" && line["why"] === "drift") {
    note(`${device}: a worker measures how accuracy changes on the new images`);
  } else if (msg === "a probe begins") {
    note(`${device}: probes, in workers that may take ${formatBytes(bytes)} for a step`);
  } else if (msg === "the inputs have drifted") {
    note(`${device}: the agent noticed the drift (by ${String(line["signs"])})`);
  } else if (msg === "a window opens") {
    note(`${device}: retrains, without labels, in a worker held to its limit`);
  } else if (level === "warn" || level === "error") {
    const { message } = (line["err"] ?? {}) as { readonly message?: unknown };
    note(`${device}: ${level}: ${String(msg)}${message === undefined ? "" : `: ${String(message)}`}`);
  }
}

function clockOf(ms: number): string {
  const seconds = Math.floor(ms / SECOND_MS);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
