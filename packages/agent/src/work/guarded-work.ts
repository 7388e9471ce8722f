import { MpoError } from "@mpo/core";
import { linkSignals } from "@mpo/io";
import type { AgentParts } from "../core/agent-parts.ts";
import { type BudgetFacts, emergency } from "../policy/budget-policy.ts";

export interface GuardParts extends Pick<AgentParts, "settings" | "ports"> {
  readonly facts: () => BudgetFacts;
}

/**
 * Runs work while watching the machine: when the serving program would not keep what it must, the work is ended
 * (`cancelled`). Returns when both the work and the watching are over.
 */
export async function guarded<T>(
  parts: GuardParts,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using linked = linkSignals(signal);
  const watching = new AbortController();
  const watcher = watch(parts, watching.signal, (reason) => linked.abort(new MpoError("cancelled", reason)));
  try {
    return await work(linked.signal);
  } finally {
    watching.abort();
    await watcher;
  }
}

async function watch(parts: GuardParts, signal: AbortSignal, end: (reason: string) => void): Promise<void> {
  const { settings, ports, facts } = parts;
  while (!signal.aborted) {
    ports.onTurn?.(settings.watchMs);
    await ports.clock.sleep(settings.watchMs, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const reason = emergency(settings.budget, await ports.monitor.resources(), facts());
      if (reason !== undefined) {
        ports.logger.warn("work is ended: the serving program needs the machine", { reason });
        end(reason);
        return;
      }
    } catch (thrown) {
      ports.logger.warn("the machine could not be read", { err: MpoError.from(thrown) });
    }
  }
}
