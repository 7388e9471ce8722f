import { MpoError } from "@mpo/core";
import { readJoinString } from "@mpo/identity";
import { type Clock, Turns } from "@mpo/io";
import type { FleetHistory } from "./fleet-history.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import type { LiveCoordinator } from "./simulated-network.ts";

interface IdentityEventsParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly history: FleetHistory;
}

const TENANT = "acme";
const TOKEN_VALID_MS = 3_600_000;

/** What people do about who belongs to a fleet: tokens, acceptance, revocation, rotation of keys. */
export class IdentityEvents {
  readonly #parts: IdentityEventsParts;
  readonly #revoked = new Set<string>();
  readonly #turns = new Turns();

  constructor(parts: IdentityEventsParts) {
    this.#parts = parts;
  }

  /** Accepts who waits and who was revoked; in a calm at once. */
  restore(live: LiveCoordinator, devices: readonly SimulatedDevice[], isAtOnce: boolean): void {
    const { random } = this.#parts;
    if (isAtOnce || random() < 0.3) this.#do("accepted", () => this.#accept(live, "pending"));
    // An older copy of the store has revocations that were undone since.
    if (isAtOnce) this.#do("accepted again", () => this.#accept(live, "revoked"));
    for (const { identity } of devices) {
      if (!isAtOnce && this.#revoked.has(identity.device) && random() < 0.15)
        this.#do("let in again", () => this.#letIn(live, identity));
    }
  }

  /** Gives out tokens, revokes and rotates now and then. */
  disturb(live: LiveCoordinator, devices: readonly SimulatedDevice[]): void {
    const { random } = this.#parts;
    for (const device of devices) {
      if (device.member.certificate === undefined && random() < 0.2)
        this.#do("token", () => this.#giveToken(live, device));
      if (random() < 0.01) this.#do("revoked", () => this.#revoke(live, device));
    }
    if (random() < 0.01) {
      this.#do("rotated", async () => {
        await live.coordinator.identityApi.rotateKeys({ reason: "" }, live);
      });
    }
  }

  async #accept(live: LiveCoordinator, state: "pending" | "revoked"): Promise<void> {
    const { identityApi } = live.coordinator;
    const { enrolments } = identityApi.listEnrolments({ tenant: TENANT, state, pageSize: 100 });
    for (const { identity, keyDigest } of enrolments) {
      // The list may be older than a revocation, which this then undoes.
      this.#parts.history.letIn(identity.device);
      await identityApi.decideEnrolment({ identity, keyDigest, decision: "accepted", reason: "" }, live);
    }
  }

  async #giveToken(live: LiveCoordinator, { member }: SimulatedDevice): Promise<void> {
    const order = { tenant: TENANT, count: 1, uses: 1, validMs: TOKEN_VALID_MS, labels: [] };
    const isAccepting = this.#parts.random() < 0.7;
    const { joinStrings } = await live.coordinator.identityApi.createJoinTokens({ ...order, isAccepting }, live);
    member.token = readJoinString(joinStrings[0] ?? "").secret;
  }

  async #revoke(live: LiveCoordinator, { identity }: SimulatedDevice): Promise<void> {
    // Whatever the answer is: it may have happened.
    this.#revoked.add(identity.device);
    await live.coordinator.identityApi.decideEnrolment({ identity, decision: "revoked", reason: "" }, live);
    this.#parts.history.revoked(identity.device, this.#parts.clock.now());
  }

  async #letIn(live: LiveCoordinator, identity: SimulatedDevice["identity"]): Promise<void> {
    this.#parts.history.letIn(identity.device);
    await live.coordinator.identityApi.decideEnrolment({ identity, decision: "accepted", reason: "" }, live);
    this.#revoked.delete(identity.device);
  }

  /** One thing after the other: of two that cross, nobody could say which counts. */
  #do(what: string, work: () => Promise<void>): void {
    const { history } = this.#parts;
    this.#turns.take(work).then(
      () => history.note(what),
      (thrown: unknown) => {
        history.note(what, MpoError.from(thrown).code);
      },
    );
  }
}
