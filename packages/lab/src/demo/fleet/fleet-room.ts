import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { CommandContext } from "@mpo/cli";
import type { MpoError } from "@mpo/core";
import { fileError } from "@mpo/io";
import { type AdminClient, createAdminClient } from "@mpo/transport";
import { ChildCommand, type CommandRecord } from "./child-command.ts";
import type { DemoDevice } from "./demo-devices.ts";

/** The name under which the demo's model is served. */
const DEMO_MODEL = "fashion";

/** Times and sizes of the demo's fleet. */
export interface FleetRoomOptions {
  /** Everything lies there; absent: a temporary folder. */
  readonly folder?: string;
  readonly probeMs: number;
  readonly curvesMs: number;
  readonly windowMs: number;
  readonly inputs: number;
  readonly seed: number;
  readonly onAgentLog: (device: string, line: CommandRecord) => void;
}

/** The two processes of a device. */
export interface DeviceProcesses {
  readonly device: DemoDevice;
  readonly app: ChildCommand;
  readonly agent: ChildCommand;
}

/** Agents end their jobs first; a step cannot be interrupted. */
const GRACE_MS = 20_000;

/** The folder and the processes of the demo, all of which `close` ends. */
export class FleetRoom {
  readonly folder: string;
  readonly #options: FleetRoomOptions;
  readonly #context: CommandContext;
  /** In the order of their start. */
  readonly #children: ChildCommand[] = [];
  /** Rejects with `unavailable` when a process has ended although nobody told it to. */
  readonly failed: Promise<never>;
  #fail: (error: MpoError) => void = () => undefined;
  #admin: AdminClient | undefined;
  #target = "";

  private constructor(folder: string, options: FleetRoomOptions, context: CommandContext) {
    this.folder = folder;
    this.#options = options;
    this.#context = context;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Nobody may be waiting when it happens.
    this.failed.catch(() => undefined);
  }

  /** Makes the folder. */
  static async open(options: FleetRoomOptions, context: CommandContext): Promise<FleetRoom> {
    const { folder: named } = options;
    const folder =
      named === undefined ? await mkdtemp(join(tmpdir(), "mpo-demo-")) : resolve(context.workingFolder, named);
    try {
      await mkdir(join(folder, "logs"), { recursive: true });
    } catch (thrown) {
      throw fileError(thrown, "make", folder);
    }
    return new FleetRoom(folder, options, context);
  }

  /** "host:port" of the coordinator. */
  get target(): string {
    return this.#target;
  }

  /** Starts the coordinator, which starts its NATS server. */
  async startCoordinator(): Promise<AdminClient> {
    const args = ["coordinator", "--data", join(this.folder, "coordinator")];
    const listen = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    // Most of a small device is taken before the first step: by TensorFlow, idle.
    const limits = ["--window", `${this.#options.windowMs}ms`, "--memory-share", "0.68"];
    const child = this.#start("coordinator", [...args, ...listen, ...limits]);
    const ready = await child.until((each) => each.latest("ready"), this.#context.signal);
    this.#target = String(ready["grpc"]);
    this.#admin = createAdminClient({ target: this.#target });
    return this.#admin;
  }

  /** Where the program and the agent of a device meet. */
  servingFolder({ name }: DemoDevice): string {
    return join(this.folder, name, "serving");
  }

  /** Starts the program that serves on a device, and waits until it does. */
  async startApp(device: DemoDevice): Promise<ChildCommand> {
    const serving = ["--serving", this.servingFolder(device), "--model", DEMO_MODEL];
    // A light load: all devices share one processor.
    const what = ["--corruption", device.corruption, "--seed", String(this.#options.seed), "--rate", "60"];
    const app = this.#start(`${device.name}-app`, ["example-app", ...serving, ...what]);
    await app.until((each) => each.latest("ready"), this.#context.signal);
    return app;
  }

  /** Starts the agent of a device. */
  async startAgent(device: DemoDevice): Promise<ChildCommand> {
    const { probeMs, curvesMs, inputs, onAgentLog } = this.#options;
    const fleet = ["--coordinator", this.#target, "--device", device.name, "--memory-limit", device.memory];
    const folders = ["--data", join(this.folder, device.name, "agent"), "--serving", this.servingFolder(device)];
    const work = ["--method", "shot", "--min-inputs", String(inputs), "--reserve", "64MiB", "--reserve-share", "0"];
    // All devices share one machine, which is never idle.
    const shared = ["--cpu-share", "equal", "--probe-patience", "1s"];
    const times = [...shared, "--probe-time", `${probeMs}ms`, "--tick", "1s"];
    const curves = ["--drift-probe-time", `${curvesMs}ms`];
    const args = ["agent", ...fleet, ...folders, ...work, ...times, ...curves];
    const agent = this.#start(`${device.name}-agent`, args, (line) => onAgentLog(device.name, line));
    await agent.until((each) => each.latest("ready"), this.#context.signal);
    return agent;
  }

  /** Ends the processes of a device. */
  async stopDevice({ app, agent }: DeviceProcesses): Promise<void> {
    await Promise.all([app.stop(GRACE_MS), agent.stop(GRACE_MS)]);
  }

  /** Ends all processes, the last first, so that nobody misses whom it stands on; then removes the folder, if it may. */
  async close({ removesFolder }: { readonly removesFolder: boolean }): Promise<void> {
    this.#admin?.close();
    const [coordinator, ...others] = this.#children;
    await Promise.all(others.map((child) => child.stop(GRACE_MS)));
    await coordinator?.stop(GRACE_MS);
    if (removesFolder) await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #start(name: string, args: readonly string[], onLog: (line: CommandRecord) => void = () => undefined): ChildCommand {
    const { environment, workingFolder, signal } = this.#context;
    signal.throwIfAborted();
    const logFile = join(this.folder, "logs", `${name}.log`);
    const onFailure = (error: MpoError): void => this.#fail(error);
    const child = new ChildCommand({ name, args, environment, workingFolder, logFile, onLog, onFailure });
    this.#children.push(child);
    return child;
  }
}
