import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { given } from "@mpo/core";
import { entryBeside, systemClock } from "@mpo/io";
import type { DeviceIdentity } from "@mpo/protocol";
import { freePorts } from "@mpo/transport/testing";
import { AUTHORITY_FOLDER, LOCAL_JOIN_FILE } from "../fleet-access.ts";
import type { FleetPromises } from "../promises/fleet-promises.ts";
import type { AgentConfiguration, CoordinatorConfiguration, FromAgent } from "./process-messages.ts";
import { mountSmallDisk, unmountSmallDisk } from "./small-disk.ts";
import { type SupervisedOptions, SupervisedProcess } from "./supervised-process.ts";

const TENANT = "default";
export const MODELS: readonly string[] = ["cam", "mic"];
const AGENTS = 3;
/** How much faster the agents' wall clocks run than time: a probe that failed waits for a minute of theirs. */
const CLOCK_SPEED = 60;
const SILENT = { onMessage: () => undefined, onLife: () => undefined };

/** One agent's process, and what it has reported. */
export interface KilledAgent {
  readonly identity: DeviceIdentity;
  readonly configuration: AgentConfiguration;
  readonly dataFolder: string;
  readonly clockFile: string;
  readonly process: SupervisedProcess;
  readonly workerPids: Set<number>;
  reports: Extract<FromAgent, { kind: "reports" }> | undefined;
}

/** Two coordinators on one nats-server, which the first of them owns, and agents of both: all real processes. */
export class KillFleet {
  readonly natsUrl: string;
  readonly grpcTargets: readonly string[];
  readonly coordinators: readonly SupervisedProcess[];
  readonly agents: readonly KilledAgent[];
  readonly keysFolder: string;
  readonly localJoinFile: string;
  /** The data folder of the coordinator that owns the nats-server, and an older copy of it. */
  readonly storeFolder: string;
  readonly backupFolder: string;
  /** The data folder of an agent; a disk of its own unless `noSmallDisk` says why not. */
  readonly smallDisk: string;
  noSmallDisk: string | undefined;
  readonly #folder: string;
  readonly #natsFolder: string;
  #clone: SupervisedProcess | undefined;

  private constructor(folder: string, ports: readonly number[], seed: number, history: FleetPromises) {
    const [natsPort = 0, ...grpcPorts] = ports;
    this.natsUrl = `nats://127.0.0.1:${natsPort}`;
    this.grpcTargets = grpcPorts.map((port) => `127.0.0.1:${port}`);
    this.#folder = folder;
    const data = join(folder, "coordinator");
    this.storeFolder = data;
    this.backupFolder = join(folder, "older-copy");
    this.smallDisk = join(folder, "pi-1", "data");
    this.keysFolder = join(folder, AUTHORITY_FOLDER);
    this.localJoinFile = join(folder, LOCAL_JOIN_FILE);
    const { keysFolder, localJoinFile } = this;
    this.#natsFolder = join(data, "nats");
    this.coordinators = grpcPorts.map((grpcPort, index) => {
      const name = `coordinator-${index + 1}`;
      const configuration: CoordinatorConfiguration = {
        ...{
          name,
          grpcPort,
          natsPort,
          keysFolder,
          localJoinFile,
          ...given({ folder: index === 0 ? data : undefined }),
        },
      };
      return process(folder, name, "coordinator-main", configuration, SILENT);
    });
    this.agents = Array.from({ length: AGENTS }, (_, index) => {
      const device = `pi-${index + 1}`;
      const configuration: AgentConfiguration = {
        device,
        coordinator: this.grpcTargets[index % this.grpcTargets.length] as string,
        localJoinFile,
        dataFolder: join(folder, device, "data"),
        servingRoot: join(folder, device, "serving"),
        clockStartMs: systemClock.now(),
        clockSpeed: CLOCK_SPEED,
        clockFile: join(folder, device, "clock"),
        seed: seed + index,
      };
      const identity = { tenant: TENANT, device };
      const onMessage = (message: unknown): void => hear(agent, message as FromAgent, history);
      const onLife = (): void => {
        agent.reports = undefined;
      };
      const agent: KilledAgent = {
        identity,
        configuration,
        dataFolder: configuration.dataFolder,
        clockFile: configuration.clockFile,
        process: process(folder, device, "agent-main", configuration, { onMessage, onLife }),
        workerPids: new Set(),
        reports: undefined,
      };
      return agent;
    });
  }

  static async start(folder: string, seed: number, history: FleetPromises): Promise<KillFleet> {
    const ports = await freePorts(3);
    await mkdir(join(folder, "logs"), { recursive: true });
    const fleet = new KillFleet(folder, ports, seed, history);
    for (const { identity } of fleet.agents) {
      for (const model of MODELS) {
        const source = join(folder, identity.device, "serving", model, "model");
        await mkdir(source, { recursive: true });
        await writeFile(join(source, "model.json"), "{}");
      }
    }
    await mkdir(fleet.smallDisk, { recursive: true });
    fleet.noSmallDisk = await mountSmallDisk(fleet.smallDisk);
    for (const one of fleet.#processes()) one.start();
    return fleet;
  }

  /** The nats-server's process; undefined: there is none now. */
  async natsPid(): Promise<number | undefined> {
    const pid = Number(await readFile(join(this.#natsFolder, "nats-server.pid"), "utf8").catch(() => "0"));
    // A stale process id may be another process's by now.
    const command = pid > 1 ? await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "") : "";
    return command.includes(this.#natsFolder) ? pid : undefined;
  }

  /** Stops the coordinator that owns the nats-server, and that with it. */
  async stopStore(): Promise<void> {
    await this.coordinators[0]?.stop();
    for (let pid = await this.natsPid(); pid !== undefined; pid = await this.natsPid()) {
      kill(pid);
      await systemClock.sleep(20);
    }
  }

  startStore(): void {
    this.coordinators[0]?.start();
  }

  /** Makes the older copy that may be put back. */
  async backUp(): Promise<void> {
    await this.stopStore();
    await cp(this.storeFolder, this.backupFolder, { recursive: true });
    this.startStore();
  }

  /** Starts a second machine from a copy of an agent's disk, under the same name. */
  async startClone({ configuration, identity }: KilledAgent): Promise<void> {
    const dataFolder = join(this.#folder, "clone");
    const name = `${identity.device}-clone`;
    await cp(configuration.dataFolder, dataFolder, { recursive: true });
    const seed = configuration.seed + AGENTS;
    this.#clone = process(this.#folder, name, "agent-main", { ...configuration, dataFolder, seed }, SILENT);
    this.#clone.start();
  }

  async endClone(): Promise<void> {
    await this.#clone?.stop();
    this.#clone = undefined;
    await rm(join(this.#folder, "clone"), { recursive: true, force: true });
  }

  /** Ends everything; what the owner of the nats-server left is ended too. */
  async stop(): Promise<void> {
    await this.endClone();
    await Promise.all(this.agents.map((agent) => agent.process.stop()));
    await unmountSmallDisk(this.smallDisk);
    const [owner, ...others] = this.coordinators;
    await Promise.all(others.map((one) => one.stop()));
    await owner?.stop();
    const left = await this.natsPid();
    if (left !== undefined) kill(left);
  }

  #processes(): readonly SupervisedProcess[] {
    return [...this.coordinators, ...this.agents.map((agent) => agent.process)];
  }
}

/** Kills a process that may be gone already. */
export function kill(pid: number): boolean {
  try {
    return globalThis.process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
}

function hear(agent: KilledAgent, message: FromAgent, history: FleetPromises): void {
  switch (message.kind) {
    case "acknowledged":
      history.acknowledged(agent.identity, message.model, message.report, message.measurement);
      return;
    case "applied":
      history.applied(agent.identity, message.version, message.isGivenUp);
      return;
    case "reports":
      agent.reports = message;
      return;
    case "worker":
      agent.workerPids.add(message.pid);
  }
}

function process(
  folder: string,
  name: string,
  entry: string,
  configuration: object,
  { onMessage, onLife }: Pick<SupervisedOptions, "onMessage" | "onLife">,
): SupervisedProcess {
  return new SupervisedProcess({
    ...{ name, configuration, onMessage, onLife },
    entry: entryBeside(entry, import.meta.url),
    logFile: join(folder, "logs", `${name}.log`),
  });
}
