import { formatVersion } from "@mpo/core";
import type { Wakeup } from "@mpo/io";
import type { DocumentVersion } from "@mpo/protocol";
import type { AgentParts } from "../core/agent-parts.ts";
import { freeBytesFor } from "./allowances.ts";
import type { CurrentWork } from "./current-work.ts";
import type { ProbeWork } from "./probe-work.ts";

/** Measures what adapting to a drift would bring, and waits for the document that the coordinator makes of that. */
export class DriftMeasured {
  readonly #parts: AgentParts;
  readonly #probes: ProbeWork;
  readonly #current: CurrentWork;
  readonly #wakeup: Wakeup;
  /** Drifts for which accuracy was measured: the version that was in use, and how long a newer one is waited for. */
  readonly #answers = new Map<string, { readonly version: string; readonly untilMs: number }>();

  constructor(parts: AgentParts, probes: ProbeWork, current: CurrentWork, wakeup: Wakeup) {
    this.#parts = parts;
    this.#probes = probes;
    this.#current = current;
    this.#wakeup = wakeup;
  }

  /** The drift was answered. */
  forget(model: string): void {
    this.#answers.delete(model);
  }

  /**
   * Before a drift is answered, how accuracy moves on the new inputs is measured, once, and a better document waited for.
   * True while that lasts. Without a coordinator the document that is there must do.
   */
  async prepares(
    model: string,
    version: DocumentVersion,
    files: readonly string[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const { settings, ports } = this.#parts;
    const inUse = formatVersion(version);
    const answer = this.#answers.get(model);
    if (answer !== undefined) return answer.version === inUse && ports.clock.monotonicMs() < answer.untilMs;
    const isMeasured =
      settings.curvesMs > 0 &&
      (await this.#current.while({ kind: "probe", model, leftMs: settings.curvesMs }, async () =>
        this.#probes.measureCurves(model, files, await freeBytesFor(this.#parts, model), signal),
      ));
    const untilMs = ports.clock.monotonicMs() + (isMeasured ? settings.documentPatienceMs : 0);
    this.#answers.set(model, { version: inUse, untilMs });
    // The program may have removed these files meanwhile: look again, now, or when the document comes.
    if (!isMeasured) this.#wakeup.wake();
    return true;
  }
}
