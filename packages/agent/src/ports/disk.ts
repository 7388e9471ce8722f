/** An append-only list of records that survives a crash: `Journal` of runtime, or the simulation's. */
export interface DiskJournal {
  /** Records found at the opening, oldest first. */
  readonly payloads: readonly Uint8Array[];
  /** Where what was not whole lies now; undefined: nothing was lost. */
  readonly setAside?: string | undefined;
  readonly sizeBytes: number;
  /** Resolves when the record is on the disk. Throws `unavailable` when the disk is full; nothing is written then. */
  append(payload: Uint8Array): Promise<void>;
  /** Replaces all records at once. */
  compact(payloads: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Where an agent keeps what must survive a crash. Names are plain file names. Everything that the agent core stores goes
 * through it, so that the simulation can crash at every write.
 */
export interface Disk {
  /** The content, or undefined when there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Replaces the content; when it resolves, the new one survives a power cut. Throws `unavailable` when full. */
  write(name: string, content: Uint8Array): Promise<void>;
  /** Removes it, if it is there. */
  remove(name: string): Promise<void>;
  openJournal(name: string): Promise<DiskJournal>;
}
