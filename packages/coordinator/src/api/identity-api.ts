import { given, MpoError } from "@mpo/core";
import {
  type AdminServiceMethods,
  type DeviceIdentity,
  FLEET_TENANT,
  type RequestOf,
  type ResponseOf,
} from "@mpo/protocol";
import type { AdaptationReservoir } from "../adaptations/reservoir.ts";
import type { Audit } from "../events/audit.ts";
import { enrolmentView } from "../identity/enrolment-record.ts";
import type { Identities } from "../identity/identities.ts";
import type { OidcSettings } from "../identity/oidc.ts";
import { ANYBODY } from "../identity/person.ts";
import type { Registry } from "../registry/registry.ts";
import type { StoreContext } from "../store/change-entry.ts";
import type { ApiCall } from "./api-call.ts";
import { withLabels } from "./enrolling.ts";
import { pageOf } from "./page.ts";

type Ask<Call extends keyof AdminServiceMethods> = RequestOf<AdminServiceMethods[Call]>;
type Answer<Call extends keyof AdminServiceMethods> = ResponseOf<AdminServiceMethods[Call]>;

interface ApiIdentityParts extends Pick<StoreContext, "clock"> {
  readonly audit: Audit;
  /** What devices have learned and share: it goes with them. */
  readonly reservoir: Pick<AdaptationReservoir, "removeOf">;
  /** Absent: nobody proves who they are. */
  readonly registry: Registry;
  readonly identities: Identities | undefined;
  readonly oidc: OidcSettings | undefined;
}

/** Characters. The name comes first: who calls chooses the name of the call. */
const MAX_ACTOR = 128;

/** Events that concern no device. */
export const FLEET: DeviceIdentity = { tenant: FLEET_TENANT, device: "fleet" };

/** What people ask of who belongs to the fleet, and of who may do what. */
export class IdentityApi {
  readonly #parts: ApiIdentityParts;

  constructor(parts: ApiIdentityParts) {
    this.#parts = parts;
  }

  whoAmI(_: Ask<"whoAmI">, { person = ANYBODY }: ApiCall): Answer<"whoAmI"> {
    const { name, role, tenant, expiresAtMs } = person;
    return { name, role, ...given({ tenant, expiresAtMs }) };
  }

  listEnrolments(request: Ask<"listEnrolments">): Answer<"listEnrolments"> {
    const { tenant, state } = request;
    const wanted = [...this.#identities.enrolments.all()].filter(
      (one) => one.identity.tenant === tenant && (state === undefined || one.state === state),
    );
    const { items, ...rest } = pageOf(wanted, ({ identity }) => identity.device, request);
    return { enrolments: items.map(enrolmentView), serverTimeMs: this.#parts.clock.now(), ...rest };
  }

  async decideEnrolment(request: Ask<"decideEnrolment">, call: ApiCall): Promise<Answer<"decideEnrolment">> {
    const { identity, decision: state, reason, ...rest } = request;
    const decidedBy = actorOf(call);
    const enrolment = await this.#identities.enrolments.decide(identity, { state, decidedBy, ...rest }, call);
    if (state !== "accepted") await this.#parts.reservoir.removeOf(identity, call);
    await this.#log(`device-${state}`, identity, call, reason);
    return { enrolment: enrolmentView(enrolment) };
  }

  async preauthoriseDevices(
    { tenant, devices }: Ask<"preauthoriseDevices">,
    call: ApiCall,
  ): Promise<Answer<"preauthoriseDevices">> {
    const other = devices.find(({ identity }) => identity.tenant !== tenant);
    if (other !== undefined) {
      throw new MpoError("invalid-argument", `device ${other.identity.device} is not of tenant ${tenant}`);
    }
    const added = await this.#identities.enrolments.preauthorise(devices, actorOf(call), call);
    await this.#log("devices-preauthorised", { ...FLEET, tenant }, call, `${added} of ${devices.length} are new`);
    return { added };
  }

  async labelDevice(request: Ask<"labelDevice">, call: ApiCall): Promise<Answer<"labelDevice">> {
    const { identity, labels: set, removed } = request;
    const labels = await this.#identities.enrolments.label(identity, { set, removed }, call);
    const words = [...set.map(({ name, value }) => `${name}=${value}`), ...removed.map((name) => `without ${name}`)];
    // Seen at once: the device's own next hello says the rest.
    await this.#parts.registry.change(
      identity,
      (record) => ({
        ...record,
        labels: withLabels(
          record.labels.filter(({ name }) => !removed.includes(name)),
          labels,
        ),
      }),
      call,
    );
    await this.#log("device-labelled", identity, call, words.join(", "));
    return { labels };
  }

  async createJoinTokens(request: Ask<"createJoinTokens">, call: ApiCall): Promise<Answer<"createJoinTokens">> {
    const { count, ...order } = request;
    const { joinTokens, authority } = this.#identities;
    const made = [];
    for (let index = 0; index < count; index += 1) made.push(await joinTokens.create(order, actorOf(call), call));
    const tokens = made.map(({ token }) => token);
    await this.#log(
      "join-tokens-created",
      { ...FLEET, tenant: request.tenant },
      call,
      tokens.map(({ id }) => id).join(", "),
    );
    return { joinStrings: made.map(({ secret }) => authority.joinString(secret)), tokens };
  }

  listJoinTokens({ tenant }: Ask<"listJoinTokens">): Answer<"listJoinTokens"> {
    return { tokens: this.#identities.joinTokens.list(tenant) };
  }

  async revokeJoinToken({ tenant, id }: Ask<"revokeJoinToken">, call: ApiCall): Promise<Answer<"revokeJoinToken">> {
    await this.#identities.joinTokens.revoke(tenant, id, call);
    await this.#log("join-token-revoked", { ...FLEET, tenant }, call, id);
    return {};
  }

  async createAccessToken(request: Ask<"createAccessToken">, call: ApiCall): Promise<Answer<"createAccessToken">> {
    const { accessTokens, authority } = this.#identities;
    const { secret, token } = await accessTokens.create(request, actorOf(call), call);
    const scope = token.tenant === undefined ? "all tenants" : `tenant ${token.tenant}`;
    await this.#log("access-token-created", FLEET, call, `${token.id} for ${token.name}: ${token.role} of ${scope}`);
    return { loginString: authority.loginString(secret), token };
  }

  listAccessTokens(): Answer<"listAccessTokens"> {
    return { tokens: this.#identities.accessTokens.list() };
  }

  async revokeAccessToken({ id }: Ask<"revokeAccessToken">, call: ApiCall): Promise<Answer<"revokeAccessToken">> {
    const holder = await this.#identities.accessTokens.revoke(id, call);
    await this.#log("access-token-revoked", FLEET, call, `${id} of ${holder}`);
    return {};
  }

  getAuthority(): Answer<"getAuthority"> {
    const { oidc } = this.#parts;
    const provider = oidc && { issuer: oidc.issuer, clientId: oidc.clientId };
    return { ...this.#identities.authority.view, ...given({ oidc: provider }) };
  }

  async rotateAuthority(request: Ask<"rotateAuthority">, call: ApiCall): Promise<Answer<"rotateAuthority">> {
    const { authority } = this.#identities;
    await authority.rotateAuthority(request);
    const [certificate] = authority.view.certificates;
    if (certificate === undefined) throw new MpoError("internal", "the authority has no certificate");
    const words = request.isDistrusting ? "those before are distrusted" : "those before stay trusted";
    await this.#log("authority-rotated", FLEET, call, withReason(`${certificate.digest}; ${words}`, request.reason));
    return { certificate };
  }

  async rotateKeys({ reason }: Ask<"rotateKeys">, call: ApiCall): Promise<Answer<"rotateKeys">> {
    const { epoch, publicKey } = await this.#identities.authority.rotateKeys();
    const words = publicKey === undefined ? "in use" : "waits for the root key's signature";
    await this.#log("keys-rotated", FLEET, call, withReason(`epoch ${epoch}: ${words}`, reason));
    return { epoch, ...given({ publicKey }) };
  }

  async installKeys({ keyDocument }: Ask<"installKeys">, call: ApiCall): Promise<Answer<"installKeys">> {
    const { epoch } = await this.#identities.authority.installKeys(keyDocument);
    await this.#log("keys-installed", FLEET, call, `epoch ${epoch}`);
    return { epoch };
  }

  get #identities(): Identities {
    const { identities } = this.#parts;
    if (identities !== undefined) return identities;
    throw new MpoError("precondition-failed", "this coordinator runs with --insecure: nobody proves who they are", {
      hint: "Start it without --insecure.",
    });
  }

  async #log(kind: string, identity: DeviceIdentity, call: ApiCall, message: string): Promise<void> {
    await this.#parts.audit.log({ kind, identity, actor: actorOf(call), message });
  }
}

/** Who did it, as the audit has it: who was proven, never what a message says. */
export function actorOf({ person = ANYBODY, requestId }: Pick<ApiCall, "person" | "requestId">): string {
  return `${person.name}${requestId === undefined ? "" : `, call ${requestId}`}`.slice(0, MAX_ACTOR);
}

function withReason(words: string, reason: string): string {
  return reason === "" ? words : `${words}: ${reason}`;
}
