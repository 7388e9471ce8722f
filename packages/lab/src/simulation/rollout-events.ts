import { MpoError, type RolloutCommand } from "@mpo/core";
import { Turns } from "@mpo/io";
import type { RolloutView } from "@mpo/protocol";
import type { FleetHistory } from "./fleet-history.ts";
import { SIMULATED_MODEL } from "./simulated-device.ts";
import type { LiveCoordinator } from "./simulated-network.ts";

interface RolloutEventsParts {
  readonly random: () => number;
  readonly history: FleetHistory;
}

const TENANT = "acme";
const COMMANDS: readonly RolloutCommand[] = ["pause", "resume", "next", "stop", "roll-back", "retry"];
/** What a person says, when it is calm, to a rollout that waits for one. */
const IN_CALM: Readonly<Record<string, RolloutCommand>> = {
  paused: "resume",
  halted: "roll-back",
  conflicted: "roll-back",
};

/** What people do with rollouts while everything else goes wrong. */
export class RolloutEvents {
  readonly #parts: RolloutEventsParts;
  readonly #turns = new Turns();
  #planned = 0;

  constructor(parts: RolloutEventsParts) {
    this.#parts = parts;
  }

  /** Begins a rollout where none is under way, and meddles with one that is. */
  disturb(live: LiveCoordinator): void {
    const { random } = this.#parts;
    if (random() < 0.3) this.#do("a rollout", () => this.#begin(live));
    const command = COMMANDS[Math.floor(random() * COMMANDS.length)] as RolloutCommand;
    if (random() < 0.06) this.#do(command, () => this.#tell(live, () => command));
  }

  /** Frees what waits for a person. */
  restore(live: LiveCoordinator): void {
    this.#do("in calm", () => this.#tell(live, ({ phase }) => IN_CALM[phase]));
  }

  /** Rollouts that are not over, in words. It has been calm for long. */
  async unsettled(live: LiveCoordinator | undefined): Promise<readonly string[]> {
    if (live === undefined) return ["no coordinator runs"];
    return (await active(live)).map(
      ({ name, phase, waitsFor, reason }) => `rollout ${name} is ${phase}: ${waitsFor ?? reason}`,
    );
  }

  async #begin(live: LiveCoordinator): Promise<void> {
    if ((await active(live)).length > 0) return;
    const { rolloutApi } = live.coordinator;
    const name = `storm-${++this.#planned}`;
    const spec = {
      ...{
        name,
        model: SIMULATED_MODEL,
        change: { rule: { window: `${5 + this.#planned}min` } },
        waves: [{ count: 1 }],
      },
      ...{ timeouts: { device: "3min", offline: "5min" }, success: "50%" },
    };
    await rolloutApi.planRollout({ tenant: TENANT, spec: JSON.stringify(spec), reason: "" }, live);
    await rolloutApi.changeRollout({ tenant: TENANT, name, command: "start", reason: "" }, live);
  }

  async #tell(live: LiveCoordinator, commandFor: (rollout: RolloutView) => RolloutCommand | undefined): Promise<void> {
    for (const rollout of await active(live)) {
      const command = commandFor(rollout);
      if (command === undefined) continue;
      await live.coordinator.rolloutApi.changeRollout(
        { tenant: TENANT, name: rollout.name, command, reason: "" },
        live,
      );
    }
  }

  #do(what: string, work: () => Promise<void>): void {
    const { history } = this.#parts;
    this.#turns.take(work).then(
      () => history.note(what),
      (thrown: unknown) => history.note(what, MpoError.from(thrown).code),
    );
  }
}

async function active(live: LiveCoordinator): Promise<readonly RolloutView[]> {
  const request = { tenant: TENANT, isActive: true, pageSize: 10 };
  return (await live.coordinator.rolloutApi.listRollouts(request, live)).rollouts;
}
