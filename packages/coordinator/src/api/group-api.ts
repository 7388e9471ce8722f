import { given } from "@mpo/core";
import type { AdminServiceMethods, GroupView, RequestOf, ResponseOf } from "@mpo/protocol";
import type { Audit } from "../events/audit.ts";
import type { Groups, SavedGroup } from "../selection/groups.ts";
import type { Selection } from "../selection/selection.ts";
import type { ApiCall } from "./api-call.ts";
import { actorOf, FLEET } from "./identity-api.ts";

type Ask<Call extends keyof AdminServiceMethods> = RequestOf<AdminServiceMethods[Call]>;
type Answer<Call extends keyof AdminServiceMethods> = ResponseOf<AdminServiceMethods[Call]>;

interface GroupParts {
  readonly groups: Groups;
  readonly selection: Selection;
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
    await this.#parts.groups.remove(tenant, name, call);
    await this.#log("group-removed", { tenant }, name, call);
    return {};
  }

  #view({ tenant, ...group }: SavedGroup): GroupView {
    return { ...group, ...given({ deviceCount: this.#parts.selection.count(tenant, group.where) }) };
  }

  async #log(kind: string, { tenant }: Pick<SavedGroup, "tenant">, message: string, call: ApiCall): Promise<void> {
    await this.#parts.audit.log({ kind, identity: { ...FLEET, tenant }, actor: actorOf(call), message });
  }
}
