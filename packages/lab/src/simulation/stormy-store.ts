import type { Clock } from "@mpo/io";
import { FLEET_LAYOUT } from "@mpo/transport";
import { MemoryNotifyHub, MemoryStateServer } from "@mpo/transport/testing";

/** How often things go wrong. */
export interface Storm {
  readonly clock: Clock;
  readonly random: () => number;
  /** The share while the storm lasts, 0 after it. */
  readonly chance: (share: number) => number;
}

/** A bus that loses, repeats and delays while the storm lasts. */
export function stormyHub({ clock, random, chance }: Storm): MemoryNotifyHub {
  return new MemoryNotifyHub({
    clock,
    faults: {
      random,
      get lose() {
        return chance(0.2);
      },
      get duplicate() {
        return chance(0.2);
      },
      get maxDelayMs() {
        return chance(3_000);
      },
    },
  });
}

/** A store that answers wrongly, late or not at all while the storm lasts. */
export function stormyServer({ clock, random, chance }: Storm, hub: MemoryNotifyHub): MemoryStateServer {
  return new MemoryStateServer({
    layout: FLEET_LAYOUT,
    clock,
    hub,
    faults: {
      random,
      maxDelayMs: 20,
      timeoutMs: 2_000,
      get staleGet() {
        return chance(0.2);
      },
      get conflictThoughStored() {
        return chance(0.02);
      },
      get conflictThoughRight() {
        return chance(0.02);
      },
      get timeoutThoughStored() {
        return chance(0.02);
      },
      get timeoutNotStored() {
        return chance(0.02);
      },
      get storedAfterTimeout() {
        return chance(0.02);
      },
      get readTimeout() {
        return chance(0.02);
      },
      get duplicateDelivery() {
        return chance(0.1);
      },
    },
  });
}
