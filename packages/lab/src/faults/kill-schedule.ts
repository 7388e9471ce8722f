import { createRandom } from "@mpo/datasets";

export const VICTIMS = ["coordinator", "nats-server", "agent", "worker"] as const;
export type Victim = (typeof VICTIMS)[number];

/** One kill -9: who, when after the one before, and for how long it stays away. */
export interface Kill {
  readonly victim: Victim;
  /** Which one of its kind, from 0 up to 1. */
  readonly pick: number;
  readonly waitMs: number;
  readonly downMs: number;
}

const LONGEST_WAIT_MS = 1_600;
const LONGEST_DOWN_MS = 600;
/** Agents are most of a fleet; a worker lives only while it works. */
const SHARES: Readonly<Record<Victim, number>> = { coordinator: 0.25, "nats-server": 0.25, agent: 0.3, worker: 0.2 };

/** The kills of a seed: equal for equal seeds. Where they hit each process is up to the machine. */
export function killSchedule(seed: number, cycles: number): readonly Kill[] {
  const source = createRandom(seed);
  return Array.from({ length: cycles }, () => {
    let draw = source.uniform();
    const victim = VICTIMS.find((one) => {
      draw -= SHARES[one];
      return draw < 0;
    });
    const pick = source.uniform();
    const waitMs = source.uniform() * LONGEST_WAIT_MS;
    const downMs = source.uniform() * LONGEST_DOWN_MS;
    return { victim: victim ?? "worker", pick, waitMs, downMs };
  });
}
