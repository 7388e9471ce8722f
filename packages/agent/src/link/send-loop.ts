import { MpoError } from "@mpo/core";
import type { Wakeup } from "@mpo/io";
import { Waits } from "@mpo/runtime";
import type { AgentParts } from "../core/agent-parts.ts";

/** Reports that wait are tried again at least this often, also when nothing new comes. */
const IDLE_MS = 300_000;

export interface SendParts extends Pick<AgentParts, "settings" | "ports" | "outbox"> {
  /** Woken by a new report, and when the coordinator can be reached again. */
  readonly wakeup: Wakeup;
  /** The coordinator does not know the device. */
  readonly onUnknown: () => void;
}

/** Sends reports as they come, until the signal aborts. */
export async function runSending(parts: SendParts, signal: AbortSignal): Promise<void> {
  const { settings, ports, outbox, wakeup, onUnknown } = parts;
  const waits = new Waits({ ...settings.linkRetry, random: ports.random });
  while (!signal.aborted) {
    let waitMs = IDLE_MS;
    try {
      await outbox.flush(ports.link, { signal });
      waits.succeeded();
    } catch (thrown) {
      if (signal.aborted) return;
      const error = MpoError.from(thrown);
      if (error.code === "not-found") onUnknown();
      // A device that is turned away is woken when it is let in again.
      waitMs = error.code === "permission-denied" ? IDLE_MS : waits.next();
      ports.logger.warn("reports wait: they could not be sent", { err: error, waiting: outbox.waiting.length });
    }
    await wakeup.sleep(waitMs, signal).catch(() => undefined);
  }
}
