import { FINAL_PHASES, type RolloutCommand } from "@mpo/core";
import type { Clock } from "@mpo/io";
import type { AdminServiceMethods, RequestOf, ResponseOf, RolloutView } from "@mpo/protocol";
import type { Audit } from "../events/audit.ts";
import type { RolloutService, ShownRollout } from "../rollouts/rollout-service.ts";
import { rolloutView } from "../rollouts/rollout-view.ts";
import type { ApiCall } from "./api-call.ts";
import { actorOf, FLEET } from "./identity-api.ts";
import { pageOf } from "./page.ts";

export interface RolloutApiParts {
  readonly rollouts: RolloutService;
  readonly audit: Audit;
  readonly clock: Clock;
}

type Ask<Call extends keyof AdminServiceMethods> = RequestOf<AdminServiceMethods[Call]>;
type Answer<Call extends keyof AdminServiceMethods> = ResponseOf<AdminServiceMethods[Call]>;

/** What people ask of rollouts. */
export class RolloutApi {
  readonly #parts: RolloutApiParts;

  constructor(parts: RolloutApiParts) {
    this.#parts = parts;
  }

  async planRollout({ tenant, spec, reason }: Ask<"planRollout">, call: ApiCall): Promise<Answer<"planRollout">> {
    const planned = await this.#parts.rollouts.plan(tenant, spec, actorOf(call), { signal: call.signal });
    await this.#log("rollout-planned", planned, call, reason);
    return this.#answer(planned);
  }

  async getRollout(name: Ask<"getRollout">, { signal }: ApiCall): Promise<Answer<"getRollout">> {
    return this.#answer(await this.#parts.rollouts.show(name, { signal }));
  }

  async listRollouts(request: Ask<"listRollouts">, { signal }: ApiCall): Promise<Answer<"listRollouts">> {
    const { rollouts, clock } = this.#parts;
    const { tenant, isActive } = request;
    const wanted = [...rollouts.all()].filter(
      ({ name, value }) => name.tenant === tenant && (isActive === undefined || isActive === isUnderWay(value.state)),
    );
    const pageSize = Math.min(request.pageSize, MAX_ROLLOUTS);
    const { items, ...rest } = pageOf(wanted, newestFirst, { ...request, pageSize });
    const shown: RolloutView[] = [];
    for (const { name } of items) shown.push(rolloutView(await rollouts.show(name, { signal })));
    return { rollouts: shown, serverTimeMs: clock.now(), ...rest };
  }

  async listRolloutDevices(
    request: Ask<"listRolloutDevices">,
    { signal }: ApiCall,
  ): Promise<Answer<"listRolloutDevices">> {
    const { rollouts, clock } = this.#parts;
    const { wave, state } = request;
    const all = (await rollouts.devices(request, { signal })).map((device, index) => ({ device, index }));
    const wanted = all.filter(
      ({ device: { progress } }) =>
        (wave === undefined || progress.wave === wave) && (state === undefined || progress.state === state),
    );
    const { items, ...rest } = pageOf(wanted, ({ index }) => `${index}`.padStart(8, "0"), request);
    const devices = await rollouts.planned(
      items.map(({ device }) => device),
      { signal },
    );
    return { devices, serverTimeMs: clock.now(), ...rest };
  }

  async changeRollout(request: Ask<"changeRollout">, call: ApiCall): Promise<Answer<"changeRollout">> {
    const { tenant, name, command, expectedPhase, reason } = request;
    const said = { command, actor: actorOf(call), reason, expectedPhase };
    const changed = await this.#parts.rollouts.command({ tenant, name }, said, { signal: call.signal });
    await this.#log(EVENTS[command], changed, call, reason);
    return this.#answer(changed);
  }

  async removeRollout(request: Ask<"removeRollout">, call: ApiCall): Promise<Answer<"removeRollout">> {
    const { tenant, name, reason } = request;
    await this.#parts.rollouts.remove({ tenant, name }, { signal: call.signal });
    await this.#log("rollout-removed", { name: { tenant, name } }, call, reason);
    return {};
  }

  #answer(shown: ShownRollout) {
    return { rollout: rolloutView(shown), serverTimeMs: this.#parts.clock.now() };
  }

  async #log(
    kind: string,
    { name: { tenant, name } }: Pick<ShownRollout, "name">,
    call: ApiCall,
    words: string,
  ): Promise<void> {
    const message = words === "" ? name : `${name}: ${words}`;
    await this.#parts.audit.log({ kind, identity: { ...FLEET, tenant }, actor: actorOf(call), message });
  }
}

/** Each answers with its whole file and plan. */
const MAX_ROLLOUTS = 100;

const EVENTS: Readonly<Record<RolloutCommand, string>> = {
  start: "rollout-started",
  pause: "rollout-paused",
  resume: "rollout-resumed",
  next: "rollout-next-asked",
  approve: "rollout-wave-approved",
  stop: "rollout-stopped",
  "roll-back": "rollout-rollback-asked",
  retry: "rollout-retried",
};

function isUnderWay({ phase }: { readonly phase: RolloutView["phase"] }): boolean {
  return phase !== "planned" && !FINAL_PHASES.includes(phase);
}

function newestFirst({
  name,
  value,
}: {
  readonly name: { readonly name: string };
  readonly value: { readonly plannedAtMs: number };
}): string {
  return `${`${8.64e15 - value.plannedAtMs}`.padStart(16, "0")} ${name.name}`;
}
