import type { Resources } from "@mpo/protocol";
import type { AgentParts } from "../core/agent-parts.ts";
import { workBudget } from "../policy/budget-policy.ts";
import { isIdle } from "../policy/probe-schedule.ts";
import { budgetFacts } from "./allowances.ts";

/** Work that measures: it waits until the machine has room for it and is idle, for the latter not for ever. */
export class QuietWait {
  readonly #parts: Pick<AgentParts, "settings" | "ports" | "inventory" | "limits" | "memory" | "store">;
  readonly #what: "probe" | "check";
  readonly #patienceMs: number;
  #sinceMs: number | undefined;
  #last = "";

  constructor(
    parts: Pick<AgentParts, "settings" | "ports" | "inventory" | "limits" | "memory" | "store">,
    what: "probe" | "check",
    patienceMs: number,
  ) {
    this.#parts = parts;
    this.#what = what;
    this.#patienceMs = patienceMs;
  }

  /** What the due work waits for; undefined: none waits. */
  get waits(): string | undefined {
    return this.#sinceMs === undefined || this.#last === "" ? undefined : `a ${this.#what} of ${this.#last}`;
  }

  /** What work on a model, which is due, may take; undefined: it may not begin yet. */
  memoryFor(model: string, resources: Resources): number | undefined {
    const { settings, ports, inventory } = this.#parts;
    this.#sinceMs ??= ports.clock.monotonicMs();
    const waitedMs = ports.clock.monotonicMs() - this.#sinceMs;
    const { memoryBytes, blockedBy } = workBudget(settings.budget, resources, budgetFacts(this.#parts, model));
    const isQuiet = isIdle(resources, inventory.cpuCores, settings.idle) || waitedMs >= this.#patienceMs;
    if (blockedBy.length === 0 && isQuiet) {
      this.#last = "";
      return memoryBytes;
    }
    this.#log(model, isQuiet ? blockedBy : ["busy", ...blockedBy], resources);
    return undefined;
  }

  /** It has ended, or nothing is due. */
  over(): void {
    this.#sinceMs = undefined;
  }

  /** Once for each reason: the owner wants to know why nothing happens. */
  #log(model: string, reasons: readonly string[], { memoryAvailableBytes, loadAverage }: Resources): void {
    const wait = `${model}: ${reasons.join()}`;
    if (wait === this.#last) return;
    this.#last = wait;
    const { logger } = this.#parts.ports;
    logger.info(`a ${this.#what} waits`, { model, reasons, memoryAvailableBytes, loadAverage });
  }
}
