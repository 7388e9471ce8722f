import { MpoError } from "@mpo/core";
import type { Disk, DiskJournal } from "../ports/disk.ts";

/** What a memory disk does at a write. */
export type WriteFault = "none" | "full" | "crash-before" | "crash-after";

/**
 * A disk that survives the agent but not the process: for the simulation. `fault` decides at every write what happens;
 * a crash makes the write, and everything after it until `restart`, fail as if the process were gone.
 */
export class MemoryDisk implements Disk {
  readonly #files = new Map<string, Uint8Array>();
  readonly #journals = new Map<string, Uint8Array[]>();
  readonly #fault: (write: number) => WriteFault;
  #writes = 0;
  #life = 0;
  #isCrashed = false;

  constructor(fault: (write: number) => WriteFault = () => "none") {
    this.#fault = fault;
  }

  /** Writes so far, over all restarts. */
  get writes(): number {
    return this.#writes;
  }

  /** What lies on it, by file and journal, bytes. */
  get sizes(): ReadonlyMap<string, number> {
    const journals = [...this.#journals].map(
      ([name, records]) => [name, records.reduce((sum, { length }) => sum + length, 0)] as const,
    );
    return new Map([...[...this.#files].map(([name, { length }]) => [name, length] as const), ...journals]);
  }

  /** Whether a fault has ended the process that used the disk. */
  get isCrashed(): boolean {
    return this.#isCrashed;
  }

  /** What another machine finds on a copy of it. */
  copyTo(other: MemoryDisk): void {
    for (const [name, content] of this.#files) other.#files.set(name, content.slice());
    for (const [name, records] of this.#journals) other.#journals.set(name, [...records]);
  }

  /** Ends the process that uses the disk: what it tries from now on fails. */
  crash(): void {
    this.#isCrashed = true;
  }

  /** The disk as the next process finds it. Journals that were open stay with the old process. */
  restart(): void {
    this.#isCrashed = false;
    this.#life += 1;
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    this.#requireAlive(this.#life);
    return this.#files.get(name)?.slice();
  }

  async write(name: string, content: Uint8Array): Promise<void> {
    const copy = content.slice();
    this.#change(this.#life, () => this.#files.set(name, copy));
  }

  async remove(name: string): Promise<void> {
    this.#change(this.#life, () => this.#files.delete(name));
  }

  async openJournal(name: string): Promise<DiskJournal> {
    const life = this.#life;
    this.#requireAlive(life);
    const records = this.#journals.get(name) ?? [];
    this.#journals.set(name, records);
    return {
      payloads: records.map((record) => record.slice()),
      get sizeBytes() {
        return records.reduce((sum, record) => sum + record.length + 8, 8);
      },
      append: async (payload) => {
        const copy = payload.slice();
        this.#change(life, () => records.push(copy));
      },
      compact: async (payloads) => {
        const copies = payloads.map((payload) => payload.slice());
        this.#change(life, () => records.splice(0, records.length, ...copies));
      },
      close: async () => undefined,
    };
  }

  #change(life: number, apply: () => void): void {
    this.#requireAlive(life);
    const fault = this.#fault(this.#writes++);
    if (fault === "full") throw new MpoError("unavailable", "the disk is full", { hint: "Free space." });
    if (fault !== "crash-before") apply();
    if (fault === "none") return;
    this.#isCrashed = true;
    this.#requireAlive(life);
  }

  #requireAlive(life: number): void {
    if (this.#isCrashed || life !== this.#life) throw new MpoError("cancelled", "the process has crashed");
  }
}
