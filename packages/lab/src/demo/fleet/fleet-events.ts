import { MpoError } from "@mpo/core";
import { linkSignals } from "@mpo/io";
import type { FleetEvent } from "@mpo/protocol";
import type { AdminClient } from "@mpo/transport";

/** What happens in the fleet, as the coordinator tells it. */
export class FleetEvents {
  readonly #seen: FleetEvent[] = [];
  readonly #waiting = new Set<() => void>();
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
          this.#wakeAll();
        }
      }
    } catch (thrown) {
      if (!signal.aborted) this.#failure = thrown;
    } finally {
      this.#wakeAll();
    }
  }

  /** Number of events so far: what comes later is behind it. */
  get position(): number {
    return this.#seen.length;
  }

  /** The first event of a device behind a position whose kind fits. Throws `timed-out`. */
  async until(
    { device, kind, behind = 0 }: { readonly device: string; readonly kind: RegExp; readonly behind?: number },
    { signal, withinMs }: { readonly signal: AbortSignal; readonly withinMs: number },
  ): Promise<FleetEvent> {
    using ends = linkSignals(signal);
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      ends.abort();
    }, withinMs);
    try {
      for (;;) {
        signal.throwIfAborted();
        const found = this.#seen.slice(behind).find((event) => event.device === device && kind.test(event.kind));
        if (found !== undefined) return found;
        if (this.#failure !== undefined) throw MpoError.from(this.#failure, "unavailable");
        if (isOver) {
          throw new MpoError("timed-out", `nothing like ${kind.source} came from ${device} in ${withinMs / 1000} s`, {
            hint: "Is the machine busy with something else? Run it again with --keep, and look at the logs.",
          });
        }
        await this.#change(ends.signal);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Until something has happened, or the signal aborts. */
  async #change(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      if (signal.aborted) wake();
      else signal.addEventListener("abort", wake, { once: true });
    });
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
