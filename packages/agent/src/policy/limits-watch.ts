import { MpoError } from "@mpo/core";
import type { Logger } from "@mpo/runtime";
import type { LimitsFile } from "../ports/limits-file.ts";
import { NO_LIMITS, type OwnerLimits, parseLimits } from "./owner-limits.ts";

/**
 * The owner's limits in force. The file may change while the agent runs; one that is broken or gone leaves the last ones
 * in force, since nothing must be able to lift them by accident.
 */
export class LimitsWatch {
  readonly #file: LimitsFile | undefined;
  readonly #logger: Logger;
  #content: string | undefined;
  #limits = NO_LIMITS;
  #problem: string | undefined;

  private constructor(file: LimitsFile | undefined, logger: Logger) {
    this.#file = file;
    this.#logger = logger;
  }

  /** Reads them for the first time. Throws `invalid-argument` where the file is not as it should be. */
  static async open(file: LimitsFile | undefined, logger: Logger): Promise<LimitsWatch> {
    const watch = new LimitsWatch(file, logger);
    watch.#take(await file?.read());
    return watch;
  }

  get limits(): OwnerLimits {
    return this.#limits;
  }

  /** Why the file as it stands is not in force; undefined: it is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Looks at the file again. True when other limits are in force. */
  async look(): Promise<boolean> {
    const before = this.#limits;
    try {
      this.#take(await this.#file?.read());
      this.#problem = undefined;
    } catch (thrown) {
      const { message } = MpoError.from(thrown);
      if (message !== this.#problem) this.#logger.error("the owner's last limits stay in force", { message });
      this.#problem = message;
    }
    return before !== this.#limits;
  }

  #take(content: string | undefined): void {
    if (content === this.#content || this.#file === undefined) return;
    const { path } = this.#file;
    if (content === undefined) throw new MpoError("not-found", `${path} is gone; write {} into it to lift the limits`);
    this.#limits = parseLimits(content, path);
    this.#content = content;
    this.#logger.info("the owner's limits are in force", { limits: this.#limits.words });
  }
}
