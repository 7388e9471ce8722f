import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { given } from "@mpo/core";
import { type LocalJoin, readLocalJoin } from "@mpo/identity";
import { entryBeside, systemClock } from "@mpo/io";
import type { AdminClient } from "@mpo/transport";
import { freePorts } from "@mpo/transport/testing";
import { AUTHORITY_FOLDER, adminOf, LOCAL_JOIN_FILE } from "../fleet-access.ts";
import type { CoordinatorConfiguration } from "./process-messages.ts";
import { SupervisedProcess } from "./supervised-process.ts";

const LOOK_MS = 50;
/** A hundred agents and more share this machine. */
const HEARTBEAT_SECONDS = 5;
const LEASE_MS = 6_000;

/** Two coordinators on one nats-server, which the first of them starts: real processes, started again when they end. */
export class CoordinatorPair {
  readonly natsUrl: string;
  readonly targets: readonly string[];
  readonly keysFolder: string;
  readonly localJoinFile: string;
  /** Asks either of them. */
  admin!: AdminClient;
  readonly #processes: readonly SupervisedProcess[];
  #admins: readonly AdminClient[] = [];

  private constructor(folder: string, [natsPort = 0, ...grpcPorts]: readonly number[]) {
    this.natsUrl = `nats://127.0.0.1:${natsPort}`;
    this.targets = grpcPorts.map((port) => `127.0.0.1:${port}`);
    this.keysFolder = join(folder, AUTHORITY_FOLDER);
    this.localJoinFile = join(folder, LOCAL_JOIN_FILE);
    const { keysFolder, localJoinFile } = this;
    this.#processes = grpcPorts.map((grpcPort, index) => {
      const name = this.name(index);
      const data = index === 0 ? join(folder, "coordinator") : undefined;
      const configuration: CoordinatorConfiguration = {
        ...{ name, grpcPort, natsPort, keysFolder, localJoinFile, ...given({ folder: data }) },
        ...{ heartbeatSeconds: HEARTBEAT_SECONDS, leaseMs: LEASE_MS },
      };
      return new SupervisedProcess({
        ...{ name, configuration, onMessage: () => undefined, onLife: () => undefined },
        entry: entryBeside("coordinator-main", import.meta.url),
        logFile: join(folder, "logs", `${name}.log`),
      });
    });
  }

  /** Resolves when both answer. */
  static async start(folder: string, signal: AbortSignal): Promise<CoordinatorPair> {
    await mkdir(join(folder, "logs"), { recursive: true });
    const pair = new CoordinatorPair(folder, await freePorts(3));
    for (const one of pair.#processes) one.start();
    let local: LocalJoin | undefined;
    while (local === undefined) {
      await systemClock.sleep(LOOK_MS, { signal });
      local = await readLocalJoin(pair.localJoinFile, { signal }).catch(() => undefined);
    }
    const joined = local;
    pair.admin = adminOf(pair.targets, () => joined);
    pair.#admins = pair.targets.map((target) => adminOf([target], () => joined));
    for (const index of pair.#processes.keys()) await pair.answers(index, signal);
    return pair;
  }

  name(index: number): string {
    return `coordinator-${index + 1}`;
  }

  kill(index: number, downMs: number): void {
    this.#processes[index]?.kill(downMs);
  }

  /** Waits until one runs and answers. */
  async answers(index: number, signal: AbortSignal): Promise<void> {
    const ask = async (): Promise<boolean> => {
      if (this.#processes[index]?.isRunning !== true) return false;
      const answer = this.#admins[index]?.listRollouts({ tenant: "default", pageSize: 1 }, { signal });
      return (await answer?.catch(() => undefined)) !== undefined;
    };
    while (!(await ask())) await systemClock.sleep(LOOK_MS, { signal });
  }

  async stop(): Promise<void> {
    this.admin.close();
    for (const admin of this.#admins) admin.close();
    // Who has started the nats-server ends it, and goes last.
    for (const one of [...this.#processes].reverse()) await one.stop();
  }
}
