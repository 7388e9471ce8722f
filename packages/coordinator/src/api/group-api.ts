import { given, MpoError } from "@mpo/core";
import type { AdminServiceMethods, GroupView, RequestOf, ResponseOf } from "@mpo/protocol";
import type { Audit } from "../events/audit.ts";
import { openRollouts } from "../rollouts/other-rollouts.ts";
import type { RolloutService } from "../rollouts/rollout-service.ts";
import { type Groups, namesGroup, type SavedGroup } from "../selection/groups.ts";
import type { Selection } from "../selection/selection.ts";
import type { ApiCall } from "./api-call.ts";
import { actorOf, FLEET } from "./identity-api.ts";

type Ask<Call extends keyof AdminServiceMethods> = RequestOf<AdminServiceMethods[Call]>;
type Answer<Call extends keyof AdminServiceMethods> = ResponseOf<AdminServiceMethods[Call]>;

interface GroupParts {
  readonly groups: Groups;
  readonly selection: Selection;
  readonly rollouts: Pick<RolloutService, "all">;
  readonly audit: Audit;
}

/** What people ask of groups of devices. */
export class GroupApi {
  readonly #parts: GroupParts;

  constructor(parts: GroupParts) {
    this.#parts = parts;
  }

  listGroups({ tenant }: Ask<"listGroups">): Answer<"listGroups"> {
    return { groups: this.#parts.groups.list(tenant).map((group) => this.#view(group)) };
  }

  async saveGroup(request: Ask<"saveGroup">, call: ApiCall): Promise<Answer<"saveGroup">> {
    const group = await this.#parts.groups.save({ ...request, savedBy: actorOf(call) }, call);
    await this.#log("group-saved", group, `${group.name}: ${group.where}`, call);
    return { group: this.#view(group) };
  }

  async removeGroup({ tenant, name }: Ask<"removeGroup">, call: ApiCall): Promise<Answer<"removeGroup">> {
    this.#requireUnused(tenant, name);
    await this.#parts.groups.remove(tenant, name, call);
    await this.#log("group-removed", { tenant }, name, call);
    return {};
  }

  /** Throws `precondition-failed` while a rollout looks for devices that come to be in the group. */
  #requireUnused(tenant: string, group: string): void {
    for (const { name, where, lateJoiners } of openRollouts(this.#parts.rollouts, tenant)) {
      if (where === undefined || lateJoiners === "ignore" || !namesGroup(where, group)) continue;
      throw new MpoError("precondition-failed", `group ${group} is part of rollout ${name}, which is not over`, {
        hint: `Wait until it is over, or end it first: mpo rollout stop ${name}.`,
      });
    }
  }

  #view({ tenant, ...group }: SavedGroup): GroupView {
    return { ...group, ...given({ deviceCount: this.#parts.selection.count(tenant, group.where) }) };
  }

  async #log(kind: string, { tenant }: Pick<SavedGroup, "tenant">, message: string, call: ApiCall): Promise<void> {
    await this.#parts.audit.log({ kind, identity: { ...FLEET, tenant }, actor: actorOf(call), message });
  }
}
