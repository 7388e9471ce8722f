import { createHash } from "node:crypto";
import type { CopiedRecord } from "@mpo/transport";

/** What the records of a stream leave: for a bucket the newest of each key, for events all of them. */
export class StreamDigest {
  readonly #newest = new Map<string, string>();
  readonly #running = createHash("sha256");
  readonly #isEvents: boolean;
  #entries = 0;

  constructor(isEvents: boolean) {
    this.#isEvents = isEvents;
  }

  add({ subject, sequence, isDelete, value }: CopiedRecord): void {
    if (this.#isEvents) {
      this.#entries += 1;
      this.#running.update(`${sequence} ${subject} ${value.length}\n`).update(value);
    } else if (isDelete) this.#newest.delete(subject);
    else this.#newest.set(subject, createHash("sha256").update(value).digest("base64"));
  }

  get entries(): number {
    return this.#isEvents ? this.#entries : this.#newest.size;
  }

  /** May be asked for once. */
  hex(): string {
    for (const subject of [...this.#newest.keys()].sort()) {
      this.#running.update(`${subject} ${this.#newest.get(subject)}\n`);
    }
    return this.#running.digest("hex");
  }
}
