import { rm } from "node:fs/promises";
import { join } from "node:path";
import { MpoError } from "@mpo/core";
import type { ClusterNode, ClusterSurroundings } from "@mpo/transport/testing";
import { LoopDisk, SlowDisk } from "./faulty-disk.ts";
import { FaultyLink, type LinkState } from "./faulty-link.ts";

interface Wire {
  readonly from: string;
  readonly to: string;
  readonly link: FaultyLink;
}

export interface SurroundingsOptions {
  /** Whether each server's store lies on a disk of its own. */
  readonly hasDisks: boolean;
  /** Whether a server whose disk has failed starts again with what it has, as it should not. */
  readonly keepsStores: boolean;
}

/** What lies between the servers of a cluster, and below each. */
export class Surroundings {
  readonly #wires: Wire[] = [];
  readonly #disks = new Map<string, LoopDisk>();
  readonly #slow = new Map<string, SlowDisk>();
  readonly #options: SurroundingsOptions;

  constructor(options: SurroundingsOptions) {
    this.#options = options;
  }

  /** For `NatsCluster.start`. */
  get ofCluster(): ClusterSurroundings {
    return {
      routeTo: async (from, to, port) => {
        const link = await FaultyLink.to(port);
        this.#wires.push({ from, to, link });
        return link.port;
      },
      prepareFolder: async (folder) => {
        if (this.#options.hasDisks) this.#disks.set(nameOf(folder), await LoopDisk.in(folder));
      },
    };
  }

  /** The wires between a server and another, or all others. */
  setLinks(state: LinkState, server: string, other?: string): void {
    const isMeant = (one: string): boolean => other === undefined || one === other;
    for (const { from, to, link } of this.#wires)
      if ((from === server && isMeant(to)) || (to === server && isMeant(from))) link.set(state);
  }

  diskOf(server: string): LoopDisk {
    const disk = this.#disks.get(server);
    if (disk === undefined) throw new MpoError("internal", `${server} has no disk of its own`);
    return disk;
  }

  /** What a server stored up to the moment in which its disk failed is not what it should be: the others have it. */
  async emptyStore({ folder }: Pick<ClusterNode, "folder">): Promise<void> {
    if (!this.#options.keepsStores) await rm(join(folder, "jetstream"), { recursive: true, force: true });
  }

  async slowDown(server: string, pid: number, ms: number): Promise<void> {
    this.#slow.set(server, await SlowDisk.of(pid, ms));
  }

  async speedUp(server: string): Promise<void> {
    await this.#slow.get(server)?.end();
    this.#slow.delete(server);
  }

  /** When the servers are gone. */
  async end(): Promise<void> {
    for (const name of [...this.#slow.keys()]) await this.speedUp(name);
    for (const { link } of this.#wires) await link.stop();
    for (const disk of this.#disks.values()) await disk.unmount();
  }
}

function nameOf(folder: string): string {
  return folder.slice(folder.lastIndexOf("/") + 1);
}
