import { type Fact, fact } from "@mpo/core";
import { schemas } from "@mpo/protocol";
import { type FilePlace, keepStored, readStored } from "../config/stored-file.ts";
import type { DriftState } from "../drift/drift-detector.ts";
import { probeRecordSchema } from "../policy/probe-schedule.ts";
import type { DriftMemory } from "./drift-watch.ts";

const { asIs, byteCount, name, object, table, text } = fact;

/** What the work of an agent remembers over a restart. Losing it costs a probe, no promise. */
export type WorkState = Fact<typeof workSchema> & DriftMemory;
const workSchema = object({
  probes: table(probeRecordSchema),
  infeasible: table(byteCount()),
  drift: table(asIs<DriftState>()),
  cursors: table(text(0, 1_024)),
  /** The last change of a model to a published version: by which document, and from what (absent: as it was deployed). */
  switched: object({
    model: name(),
    version: text(1, 64),
    from: schemas.artifactVersion.optional(),
  }).optional(),
});

export const NO_WORK: WorkState = { probes: {}, infeasible: {}, drift: {}, cursors: {} };

const FILE = "work";

/** The state of an agent's work, kept on its disk. */
export class WorkMemory {
  readonly #place: FilePlace;
  #state: WorkState;

  private constructor(place: FilePlace, state: WorkState) {
    this.#place = place;
    this.#state = state;
  }

  /** Reads what the last process left; what this release cannot read counts as none. */
  static async open(place: FilePlace): Promise<WorkMemory> {
    return new WorkMemory(place, (await readStored(place, FILE, workSchema)) ?? NO_WORK);
  }

  get state(): WorkState {
    return this.#state;
  }

  /** Changes it and writes it down. */
  async change(change: Partial<WorkState>): Promise<void> {
    this.#state = { ...this.#state, ...change };
    await keepStored(this.#place, FILE, this.#state);
  }
}
