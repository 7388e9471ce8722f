import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type CommandContext, stateFolder } from "@mpo/cli";
import type { MpoError } from "@mpo/core";
import { localJoinFile, readLocalJoin } from "@mpo/identity";
import { fileError, writeFileAtomic } from "@mpo/io";
import type { AdminClient } from "@mpo/transport";
import { adminOf } from "../../fleet-access.ts";
import { MemoryGroup } from "../../isolation/memory-group.ts";
import { ChildCommand, type ChildCommandOptions, type CommandRecord } from "./child-command.ts";
import type { DemoDevice } from "./demo-devices.ts";

/** The name under which the demo's model is served. */
export const DEMO_MODEL = "fashion";

/** The options of `mpo demo`. Times are milliseconds. */
export interface FleetDemoOptions {
  readonly devices: readonly string[];
  /** Everything lies there; absent: in a temporary folder. */
  readonly folder?: string;
  readonly keep: boolean;
  readonly probeTime: number;
  readonly driftProbeTime: number;
  readonly window: number;
  /** Drifted images that an agent collects before it retrains. */
  readonly inputs: number;
  /** Images that a retrained model answers before it is judged by them. */
  readonly judgedImages: number;
  readonly seed: number;
  /** Size of the memory control group of each agent, bytes. Default: they have none. */
  readonly group?: number;
}

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
  /** "host:port" of the coordinator. */
  target = "";
  readonly #options: FleetDemoOptions;
  readonly #context: CommandContext;
  /** In the order of their start. */
  readonly #children: ChildCommand[] = [];
  readonly #groups = new Map<string, MemoryGroup>();
  /** Rejects with `unavailable` when a process has ended unexpectedly. */
  readonly failed: Promise<never>;
  #fail: (error: MpoError) => void = () => undefined;
  #admin: AdminClient | undefined;
  #console: string | undefined;

  private constructor(folder: string, options: FleetDemoOptions, context: CommandContext) {
    this.folder = folder;
    this.#options = options;
    this.#context = context;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // It may happen while nothing waits for it.
    this.failed.catch(() => undefined);
  }

  /** Makes the folder. */
  static async open(options: FleetDemoOptions, context: CommandContext): Promise<FleetRoom> {
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

  /** Starts the coordinator, which starts its NATS server. */
  async startCoordinator(): Promise<AdminClient> {
    const args = ["coordinator", "--data", join(this.folder, "coordinator")];
    const listen = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    // Most of a small device is taken before the first step: by TensorFlow, idle.
    const limits = ["--window", `${this.#options.window}ms`, "--memory-share", "0.68"];
    const child = this.#start("coordinator", [...args, ...listen, ...limits]);
    const ready = await child.until((each) => each.latest("ready"), this.#context.signal);
    this.target = String(ready["grpc"]);
    if (ready["console"] !== undefined) this.#console = String(ready["console"]);
    const port = Number(this.target.split(":").at(-1));
    const local = await readLocalJoin(localJoinFile(stateFolder(this.#environment), port));
    this.#admin = adminOf([this.target], () => local);
    return this.#admin;
  }

  /** A link that opens the console once, signed in; absent: there is none. It is good for a minute. */
  async consoleLink(): Promise<string | undefined> {
    const { signal } = this.#context;
    if (this.#console === undefined || this.#admin === undefined) return undefined;
    const { code } = await this.#admin.createConsoleCode({}, { signal });
    return new URL(code === undefined ? "/" : `/#code=${code}`, this.#console).href;
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

  /** Starts the agent of a device; `onLog` hears what it logs. */
  async startAgent(device: DemoDevice, onLog: (line: CommandRecord) => void): Promise<ChildCommand> {
    const { probeTime, driftProbeTime, inputs } = this.#options;
    const fleet = ["--coordinator", this.target, "--device", device.name, "--memory-limit", device.memory];
    const folders = ["--data", this.#agentFolder(device), "--serving", this.servingFolder(device)];
    const work = ["--method", "shot", "--min-inputs", String(inputs), "--reserve", "64MiB", "--reserve-share", "0"];
    // All devices share one machine, which is never idle.
    const shared = ["--cpu-share", "equal", "--probe-patience", "1s", "--tick", "1s"];
    const times = ["--probe-time", `${probeTime}ms`, "--drift-probe-time", `${driftProbeTime}ms`];
    const args = ["agent", ...fleet, ...folders, ...work, ...shared, ...times];
    const { group: limitBytes } = this.#options;
    const group = limitBytes === undefined ? undefined : MemoryGroup.of(limitBytes);
    if (group !== undefined) this.#groups.set(device.name, group);
    const agent = this.#start(`${device.name}-agent`, args, { onLog, group });
    await agent.until((each) => each.latest("ready"), this.#context.signal);
    return agent;
  }

  /** What came of the control group of each device that has one, in words. */
  groupSummaries(): readonly string[] {
    return [...this.#groups].map(([name, { summary }]) => `${name}: ${summary}`);
  }

  /** As the owner of a device does. */
  async writeLimits(device: DemoDevice, limits: object): Promise<void> {
    await writeFileAtomic(join(this.#agentFolder(device), "limits.json"), JSON.stringify(limits), this.#context);
  }

  #agentFolder({ name }: DemoDevice): string {
    return join(this.folder, name, "agent");
  }

  /** Ends all processes, the last first, so that none loses one it depends on; then removes the folder, if it may. */
  async close({ removesFolder }: { readonly removesFolder: boolean }): Promise<void> {
    this.#admin?.close();
    const [coordinator, ...others] = this.#children;
    await Promise.all(others.map((child) => child.stop(GRACE_MS)));
    await coordinator?.stop(GRACE_MS);
    for (const group of this.#groups.values()) await group[Symbol.asyncDispose]();
    if (removesFolder) await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Only a fleet that stays is to be found from other terminals: it leaves the way to it in the user's own folder. */
  get #environment(): CommandContext["environment"] {
    const { environment } = this.#context;
    return this.#options.keep ? environment : { ...environment, XDG_STATE_HOME: join(this.folder, "state") };
  }

  #start(
    name: string,
    args: readonly string[],
    { onLog = () => undefined, group }: Partial<Pick<ChildCommandOptions, "onLog" | "group">> = {},
  ): ChildCommand {
    const { workingFolder, signal } = this.#context;
    const environment = this.#environment;
    signal.throwIfAborted();
    const logFile = join(this.folder, "logs", `${name}.log`);
    const onFailure = (error: MpoError): void => this.#fail(error);
    const child = new ChildCommand({ name, args, environment, workingFolder, logFile, group, onLog, onFailure });
    this.#children.push(child);
    return child;
  }
}
