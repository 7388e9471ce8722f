import type { Clock } from "@mpo/io";
import { FLEET_LAYOUT } from "@mpo/transport";
import { MemoryNotifyHub, MemoryStateServer, type MemoryStateServerOptions } from "@mpo/transport/testing";

/** How often things go wrong. */
export interface Storm {
  readonly clock: Clock;
  readonly random: () => number;
  /** The share while the storm lasts, 0 after it. */
  readonly chance: (share: number) => number;
}

/** A bus that loses, repeats and delays while the storm lasts. */
export function stormyHub({ clock, random, chance }: Storm): MemoryNotifyHub {
  const faults = whileStormy({ lose: 0.2, duplicate: 0.2, maxDelayMs: 3_000 }, chance, { random });
  return new MemoryNotifyHub({ clock, faults });
}

/** A store that answers wrongly, late or not at all while the storm lasts. */
export function stormyServer(
  { clock, random, chance }: Storm,
  hub: MemoryNotifyHub,
  options: Pick<MemoryStateServerOptions, "onStored"> = {},
): MemoryStateServer {
  const shares = {
    staleGet: 0.2,
    conflictThoughStored: 0.02,
    conflictThoughRight: 0.02,
    timeoutThoughStored: 0.02,
    timeoutNotStored: 0.02,
    storedAfterTimeout: 0.02,
    readTimeout: 0.02,
    duplicateDelivery: 0.1,
  };
  const faults = whileStormy(shares, chance, { random, maxDelayMs: 20, timeoutMs: 2_000 });
  return new MemoryStateServer({ layout: FLEET_LAYOUT, clock, hub, faults, ...options });
}

/** Faults whose shares are looked up each time: they end with the storm. */
function whileStormy<Shares extends Readonly<Record<string, number>>, Others extends object>(
  shares: Shares,
  chance: Storm["chance"],
  others: Others,
): Shares & Others {
  const getters = Object.entries(shares).map(([name, share]) => [name, { get: () => chance(share), enumerable: true }]);
  return Object.defineProperties({ ...others }, Object.fromEntries(getters)) as Shares & Others;
}
