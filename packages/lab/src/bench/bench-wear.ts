import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type CommandContext, createTable } from "@mpo/cli";
import { helloOf } from "@mpo/coordinator/testing";
import { formatBytes, MpoError, SECOND_MS } from "@mpo/core";
import { systemClock } from "@mpo/io";
import type { DeviceIdentity } from "@mpo/protocol";
import { createFleetClient, type FleetClient } from "@mpo/transport";
import { ChildCommand } from "../demo/fleet/child-command.ts";
import { PROCESSOR } from "../harness.ts";

export interface BenchWearOptions {
  readonly devices: number;
  readonly heartbeat: number;
  readonly time: number;
  readonly folder?: string;
}

const MINUTE_MS = 60_000;
/** What comes once, at a start: joining, indexes that are written for the first time, certificates. */
const SETTLE_MS = 2.5 * MINUTE_MS;
const MINUTES_A_DAY = 1440;
const GRACE_MS = 10_000;
/** SD cards wear: what an idle agent may write a day. */
const IDLE_BUDGET_BYTES = 20 * 2 ** 20;

/**
 * Bytes that idle processes write to the disk: the product's own agent and coordinator, and heartbeats of as many devices.
 * Counted by the kernel (/proc/PID/io), in pages; what the file system writes of its own comes on top.
 */
export async function benchWear(options: BenchWearOptions, context: CommandContext): Promise<void> {
  const { devices, heartbeat, time } = options;
  const { terminal, environment, workingFolder, signal } = context;
  const parent = resolve(workingFolder, options.folder ?? ".");
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, "mpo-wear-"));
  const ended = new AbortController();
  const child = (name: string, args: readonly string[]): ChildCommand =>
    new ChildCommand({
      ...{ name, args, workingFolder: folder, logFile: join(folder, `${name}.log`) },
      environment: { ...environment, XDG_STATE_HOME: folder },
      onLog: () => undefined,
      onFailure: (error) => ended.abort(error),
    });
  const both = AbortSignal.any([signal, ended.signal]);
  const ports = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--heartbeat", `${heartbeat / SECOND_MS}s`];
  const coordinator = child("coordinator", ["coordinator", "--insecure", ...ports, "--data", join(folder, "c")]);
  let agent: ChildCommand | undefined;
  let client: FleetClient | undefined;
  try {
    const ready = await coordinator.until((one) => one.latest("ready"), both);
    const target = String(ready["grpc"]);
    agent = child("agent", ["agent", "--insecure", "--coordinator", target, "--data", join(folder, "a")]);
    await agent.until((one) => one.latest("ready"), both);
    client = createFleetClient({ targets: [target] });
    const beating = beat(client, devices - 1, heartbeat, both);
    const pids = { agent: agent.pid, coordinator: coordinator.pid, "nats-server": Number(ready["natsPid"]) };
    const names = Object.keys(pids) as readonly (keyof typeof pids)[];
    terminal.note(
      `${devices} devices settle for ${SETTLE_MS / MINUTE_MS} minutes, and are watched for ${time / MINUTE_MS}`,
    );
    await Promise.race([systemClock.sleep(SETTLE_MS, { signal: both }), beating]);
    const before = await Promise.all(names.map((name) => written(pids[name])));
    await Promise.race([systemClock.sleep(time, { signal: both }), beating]);
    const after = await Promise.all(names.map((name) => written(pids[name])));
    const table = createTable(terminal, ["process", "written", "a day"]);
    for (const [index, name] of names.entries()) {
      const bytes = (after[index] ?? 0) - (before[index] ?? 0);
      const aDay = Math.round((bytes * MINUTES_A_DAY * MINUTE_MS) / time);
      terminal.record({
        process: name,
        devices,
        heartbeatMs: heartbeat,
        timeMs: time,
        bytes,
        bytesADay: aDay,
        PROCESSOR,
      });
      table.push([name, formatBytes(bytes), formatBytes(aDay)]);
      if (name === "agent" && aDay > IDLE_BUDGET_BYTES) {
        throw new MpoError(
          "over-budget",
          `an idle agent writes ${formatBytes(aDay)} a day; ${formatBytes(IDLE_BUDGET_BYTES)} are allowed`,
        );
      }
    }
    terminal.line(table.toString());
  } finally {
    client?.close();
    await agent?.stop(GRACE_MS);
    await coordinator.stop(GRACE_MS);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Devices that have nothing to say but that they are there. */
async function beat(client: FleetClient, count: number, heartbeatMs: number, signal: AbortSignal): Promise<void> {
  const identities: DeviceIdentity[] = [];
  for (let index = 0; index < count; index++) {
    const device = `pi-${index}`;
    const instance = { instanceId: randomUUID() };
    const identity = { tenant: "default", device };
    await client.hello({ ...helloOf(device), identity, instance, models: [] }, { signal });
    identities.push(identity);
  }
  while (!signal.aborted) {
    for (const identity of identities) {
      const { resources } = helloOf(identity.device);
      await client.heartbeat({ identity, resources, conditions: [] }, { signal });
      await systemClock.sleep(heartbeatMs / count, { signal });
    }
  }
}

/** Bytes that a process has had written to a disk. */
async function written(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/io`, "utf8");
  return Number(/^write_bytes: (\d+)$/mu.exec(text)?.[1]);
}
