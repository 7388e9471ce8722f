import { MpoError } from "@mpo/core";
import { linkSignals } from "@mpo/io";
import type { FleetEvent } from "@mpo/protocol";
import type { AdminClient } from "@mpo/transport";
import { Changes } from "./changes.ts";

/** What happens in the fleet, as the coordinator reports it. */
export class FleetEvents {
  readonly #seen: FleetEvent[] = [];
  readonly #changes = new Changes();
  readonly #onEvent: (event: FleetEvent) => void;
  #failure: unknown;

  constructor(onEvent: (event: FleetEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** Follows the events until the signal aborts; never throws. */
  async follow(admin: AdminClient, tenant: string, signal: AbortSignal): Promise<void> {
    let afterSequence = 0;
    try {
      while (!signal.aborted) {
        for await (const { event } of admin.watchEvents({ tenant, afterSequence }, { signal })) {
          afterSequence = event.sequence;
          this.#seen.push(event);
          this.#onEvent(event);
          this.#changes.tell();
        }
      }
    } catch (thrown) {
      if (!signal.aborted) this.#failure = thrown;
    } finally {
      this.#changes.tell();
    }
  }

  /** Number of events so far: later ones come after it. */
  get position(): number {
    return this.#seen.length;
  }

  /** The first event of a device after a position whose kind matches. Throws `timed-out`. */
  async until(
    { device, kind, behind = 0 }: { readonly device: string; readonly kind: RegExp; readonly behind?: number },
    { signal, withinMs }: { readonly signal: AbortSignal; readonly withinMs: number },
  ): Promise<FleetEvent> {
    using ends = linkSignals(signal);
    const late = new MpoError(
      "timed-out",
      `nothing like ${kind.source} arrived from ${device} in ${withinMs / 1000} s`,
      {
        hint: "Is the machine busy with something else? Run it again with --keep, and look at the logs.",
      },
    );
    const timer = setTimeout(() => ends.abort(late), withinMs);
    try {
      return await this.#changes.until(() => {
        const found = this.#seen.slice(behind).find((event) => event.device === device && kind.test(event.kind));
        if (found === undefined && this.#failure !== undefined) throw MpoError.from(this.#failure, "unavailable");
        return found;
      }, ends.signal);
    } finally {
      clearTimeout(timer);
    }
  }
}
