import { type Fact, fact, MpoError } from "@mpo/core";
import type { Logger } from "@mpo/runtime";
import { decodeStored, encodeStored } from "../config/stored-config.ts";
import { readStored } from "../config/stored-file.ts";
import type { DriftState } from "../drift/drift-detector.ts";
import { probeRecordSchema } from "../policy/probe-schedule.ts";
import type { Disk } from "../ports/disk.ts";
import type { DriftMemory } from "./drift-watch.ts";

const { asIs, byteCount, object, table, text } = fact;

/** What the work of an agent remembers over a restart. Losing it costs a probe, no promise. */
export type WorkState = Fact<typeof workSchema> & DriftMemory;
const workSchema = object({
  probes: table(probeRecordSchema),
  infeasible: table(byteCount()),
  drift: table(asIs<DriftState>()),
  cursors: table(text(0, 1_024)),
});

export const NO_WORK: WorkState = { probes: {}, infeasible: {}, drift: {}, cursors: {} };

const FILE = "work";

/** The state of an agent's work, kept on its disk. */
export class WorkMemory {
  readonly #disk: Disk;
  readonly #logger: Logger;
  #state: WorkState;

  constructor(state: WorkState, { disk, logger }: { readonly disk: Disk; readonly logger: Logger }) {
    this.#state = state;
    this.#disk = disk;
    this.#logger = logger;
  }

  get state(): WorkState {
    return this.#state;
  }

  /** Changes it and writes it down. A full disk is told, not thrown. */
  async change(change: Partial<WorkState>): Promise<void> {
    this.#state = { ...this.#state, ...change };
    await writeWorkState(this.#disk, this.#state, this.#logger);
  }
}

/** Reads it; what this release cannot read counts as none. */
export async function readWorkState(disk: Disk, logger: Logger): Promise<WorkState> {
  const decode = (bytes: Uint8Array): WorkState => decodeStored(bytes, "the memory of the work", workSchema);
  return (await readStored(disk, FILE, decode, logger)) ?? NO_WORK;
}

/** Writes it. A full disk is told, not thrown. */
export async function writeWorkState(disk: Disk, state: WorkState, logger: Logger): Promise<void> {
  try {
    await disk.write(FILE, encodeStored(state));
  } catch (thrown) {
    if (!(thrown instanceof MpoError) || thrown.code !== "unavailable") throw thrown;
    logger.error("what the agent remembers of its work could not be written down", { err: thrown });
  }
}
