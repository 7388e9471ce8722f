import { ANY_METHOD, formatVersion, MpoError } from "@mpo/core";
import type {
  AdminServiceMethods,
  DesiredDocument,
  DeviceIdentity,
  DocumentVersion,
  ProbeFailure,
  Reason,
  RequestOf,
  ResponseOf,
} from "@mpo/protocol";
import type { ReadOptions } from "@mpo/transport";
import type { EventFilter } from "../events/audit.ts";
import type { PushCause } from "../http/metrics.ts";
import { askToProbe, askToReport } from "../registry/ask-device.ts";
import type { Asking, DeviceLife } from "../registry/device-life.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import { SLOT_MS } from "../registry/resource-history.ts";
import { newestConfirmed, statusOf } from "../registry/status-record.ts";
import { reason } from "../search/planned-ladder.ts";
import type { Selection } from "../selection/selection.ts";
import type { ApiCall } from "./api-call.ts";
import { deviceView } from "./device-view.ts";
import { Doubles } from "./doubles.ts";
import type { ApiParts } from "./fleet-parts.ts";
import { actorOf } from "./identity-api.ts";
import { pageOf } from "./page.ts";

export interface AdminParts extends ApiParts {
  readonly life: DeviceLife;
  readonly selection: Selection;
  /** The time by which devices count as there or away. */
  readonly presenceMs: () => number;
  /** Names for requests; never the same twice. */
  readonly newId: () => string;
  readonly onPushed?: (cause: PushCause) => void;
  readonly verifyEvents: AdminApi["verifyEvents"];
}

type Ask<Call extends keyof AdminServiceMethods> = RequestOf<AdminServiceMethods[Call]>;
type Answer<Call extends keyof AdminServiceMethods> = ResponseOf<AdminServiceMethods[Call]>;

/** What people and programs ask of a coordinator. */
export class AdminApi {
  readonly #parts: AdminParts;
  readonly #doubles: Doubles;

  constructor(parts: AdminParts) {
    this.#doubles = new Doubles(parts);
    this.#parts = parts;
  }

  listDevices(request: Ask<"listDevices">): Answer<"listDevices"> {
    const wanted = this.#parts.selection.select(request.tenant, request.where);
    const { items, ...rest } = pageOf(wanted, ({ identity }) => identity.device, request);
    const devices = items.map((device) => deviceView(this.#parts, device));
    return { devices, serverTimeMs: this.#parts.clock.now(), ...rest };
  }

  async getDevice({ identity }: Ask<"getDevice">, { signal }: ApiCall): Promise<Answer<"getDevice">> {
    const device = await this.#device(identity, signal);
    const { windows, failures } = await this.#parts.statuses.load(identity, shown(signal));
    return {
      device: deviceView(this.#parts, device),
      windows: windows.map(({ result }) => result),
      probeFailures: failures.map(({ failure }) => failure).filter((failure) => this.#stands(identity, failure)),
      serverTimeMs: this.#parts.clock.now(),
    };
  }

  async listResources({ identity }: Ask<"listResources">, { signal }: ApiCall): Promise<Answer<"listResources">> {
    await this.#device(identity, signal);
    return { slotMs: SLOT_MS, points: this.#parts.registry.history(identity) };
  }

  async retireDevice({ identity, reason }: Ask<"retireDevice">, call: ApiCall): Promise<Answer<"retireDevice">> {
    return { retiredAtMs: await this.#parts.life.retire(identity, askingOf(reason, call)) };
  }

  async removeDevice({ identity, reason }: Ask<"removeDevice">, call: ApiCall): Promise<Answer<"removeDevice">> {
    return { profileCount: await this.#parts.life.remove(identity, askingOf(reason, call)) };
  }

  async renameDevice(request: Ask<"renameDevice">, call: ApiCall): Promise<Answer<"renameDevice">> {
    const { identity, newName, reason } = request;
    return { identity: await this.#parts.life.rename(identity, newName, askingOf(reason, call)) };
  }

  decideDevice({ identity, keep, reason }: Ask<"decideDevice">, call: ApiCall): Promise<Answer<"decideDevice">> {
    return this.#doubles.decide(identity, keep, askingOf(reason, call));
  }

  /** Asks a device, with its next heartbeat, to report again all that it has reported of itself. */
  async refreshDevice({ identity }: Ask<"refreshDevice">, { signal }: ApiCall): Promise<Answer<"refreshDevice">> {
    return { askedAtMs: await askToReport(this.#parts, await this.#device(identity, signal), signal) };
  }

  /** Asks a device, with its next heartbeat, to measure again. */
  async probeDevice({ identity, model }: Ask<"probeDevice">, { signal }: ApiCall): Promise<Answer<"probeDevice">> {
    return {
      models: await askToProbe(
        this.#parts,
        await this.#device(identity, signal),
        { model, actor: "admin" },
        { signal },
      ),
    };
  }

  listProfiles(request: Ask<"listProfiles">): Answer<"listProfiles"> {
    const wanted = [...this.#parts.profiles.all()].filter(
      ({ name: { identity, model } }) =>
        identity.tenant === request.tenant &&
        (request.device === undefined || identity.device === request.device) &&
        (request.model === undefined || model === request.model),
    );
    const { items, ...rest } = pageOf(wanted, ({ name }) => `${name.identity.device} ${name.model}`, request);
    const profiles = items.map(({ name, value, revision }) => ({
      identity: name.identity,
      model: name.model,
      graphDigest: value.graphDigest,
      deviceClass: value.deviceClass,
      measuredAtMs: value.measuredAtMs,
      stepCount: value.stepCount,
      curveCount: value.curveCount,
      revision,
      receivedAtMs: value.receivedAtMs,
      sharedFrom: value.sharedFrom,
    }));
    return { profiles, serverTimeMs: this.#parts.clock.now(), ...rest };
  }

  async getProfile(name: Ask<"getProfile">, { signal }: ApiCall): Promise<Answer<"getProfile">> {
    const found = await this.#parts.profiles.load(name, shown(signal));
    if (found === undefined) {
      throw new MpoError("not-found", `device ${name.identity.device} has no profile of ${name.model}`, {
        hint: "List what there is: mpo profiles list.",
      });
    }
    const { receivedAtMs } = found.header;
    const serverTimeMs = this.#parts.clock.now();
    return { profile: found.request.profile, revision: found.revision, receivedAtMs, serverTimeMs };
  }

  async getConfig({ identity, version }: Ask<"getConfig">, { signal }: ApiCall): Promise<Answer<"getConfig">> {
    const document = await this.#parts.documents.find(identity, version, shown(signal));
    const status = statusOf(await this.#parts.statuses.load(identity, shown(signal)), document.version);
    return { document, status };
  }

  async explainConfig({ identity }: Ask<"explainConfig">, { signal }: ApiCall): Promise<Answer<"explainConfig">> {
    const { document, explanation } = await this.#parts.documents.explain(identity, shown(signal));
    return { document, explanation };
  }

  async tryBudget({ identity, ...wish }: Ask<"tryBudget">, { signal }: ApiCall): Promise<Answer<"tryBudget">> {
    const { documents, searches } = this.#parts;
    const device = await this.#device(identity, signal);
    const current = await documents.current(identity, shown(signal));
    const ofModel = await documents.newestFor({ identity, model: wish.model }, current, shown(signal));
    return await searches.tryBudget(device, wish, ofModel, shown(signal));
  }

  async pushConfig(
    request: Ask<"pushConfig">,
    { signal, traceparent, ...facts }: ApiCall,
  ): Promise<Answer<"pushConfig">> {
    const { identity, model, budget, objective, config, expectedVersion, modelVersion, methods } = request;
    const method = methods?.kind === "any" ? ANY_METHOD : methods?.method;
    const { document } = await this.#parts.searches.answer(
      {
        name: { identity, model },
        request: `push ${this.#parts.newId()}`,
        ...{ budget, objective, config, expectedVersion, modelVersion, method },
        reasons: wordsOf(request.reason),
      },
      { signal, traceparent },
    );
    await this.#wrote("hand", identity, facts, document, request.reason);
    return { document };
  }

  async rollbackConfig(
    request: Ask<"rollbackConfig">,
    { signal, ...facts }: ApiCall,
  ): Promise<Answer<"rollbackConfig">> {
    const { identity } = request;
    const to = request.version ?? (await this.#lastGood(identity, signal));
    const document = await this.#parts.searches.rollBack(
      identity,
      to,
      {
        request: `rollback ${this.#parts.newId()}`,
        expectedVersion: request.expectedVersion,
        reasons: [...wordsOf(request.reason), reason("rollback", `the content of ${formatVersion(to)}`)],
      },
      { signal },
    );
    await this.#wrote("rollback", identity, facts, document, request.reason);
    return { document };
  }

  async listEvents(request: Ask<"listEvents">, { signal }: ApiCall): Promise<Answer<"listEvents">> {
    const { beforeSequence, afterSequence, pageSize: limit } = request;
    const { audit } = this.#parts;
    const filter = this.#withFormerNames(request);
    return afterSequence === undefined
      ? { events: await audit.list(filter, { beforeSequence, limit, signal }) }
      : await audit.listAfter(filter, { afterSequence, limit, signal });
  }

  async *watchEvents(
    request: Ask<"watchEvents">,
    { signal }: ApiCall,
  ): AsyncGenerator<Answer<"watchEvents">, void, undefined> {
    const { afterSequence } = request;
    const filter = this.#withFormerNames(request);
    for await (const event of this.#parts.audit.watch(filter, { afterSequence, signal })) yield { event };
  }

  verifyEvents(request: Ask<"verifyEvents">, call: ApiCall): AsyncGenerator<Answer<"verifyEvents">, void, undefined> {
    return this.#parts.verifyEvents(request, call);
  }

  /** The events of a device are also those that it had under other names. */
  #withFormerNames(filter: EventFilter): EventFilter {
    const { tenant, device } = filter;
    const record = device === undefined ? undefined : this.#parts.registry.device({ tenant, device });
    return { ...filter, formerNames: record?.formerNames };
  }

  async #lastGood(identity: DeviceIdentity, signal: AbortSignal): Promise<DocumentVersion> {
    const current = await this.#parts.documents.find(identity, undefined, { signal });
    const good = newestConfirmed(await this.#parts.statuses.load(identity, { signal }), current.version);
    if (good !== undefined) return good;
    throw new MpoError("precondition-failed", `no document of ${identity.device} before its newest was confirmed`, {
      hint: "Name the version to go back to.",
    });
  }

  async #device(identity: DeviceIdentity, signal: AbortSignal): Promise<DeviceRecord> {
    const { registry } = this.#parts;
    return registry.device(identity) ?? (await registry.required(identity, { signal }));
  }

  /** Whether no profile of that model has come since: the device's own times say nothing, its clock may have been set. */
  #stands(identity: DeviceIdentity, { model, receivedAtMs = 0 }: ProbeFailure): boolean {
    const facts = this.#parts.profiles.facts({ identity, model })?.value;
    return facts === undefined || facts.receivedAtMs <= receivedAtMs;
  }

  /** The change is made: that it cannot be written down must not make it look undone, but it must be seen. */
  async #wrote(
    cause: "hand" | "rollback",
    identity: DeviceIdentity,
    facts: Omit<ApiCall, "signal">,
    { version, model }: DesiredDocument,
    words: string,
  ): Promise<void> {
    const message = `${formatVersion(version)} of ${model}${words === "" ? "" : `: ${words}`}`;
    const { audit, logger, onPushed } = this.#parts;
    onPushed?.(cause);
    logger.info("a person changed a document", {
      cause,
      requestId: facts.requestId,
      deviceId: identity.device,
      model,
      version,
    });
    await audit.log({
      kind: cause === "hand" ? "config-pushed" : "config-rolled-back",
      identity,
      actor: actorOf(facts),
      message,
    });
  }
}

/** What people are shown has all that was acknowledged before they asked. */
function shown(signal: AbortSignal): ReadOptions {
  return { signal, consistency: "confirmed" };
}

function askingOf(words: string, { signal, ...facts }: ApiCall): Asking {
  return { signal, actor: actorOf(facts), reason: words };
}

function wordsOf(words: string): readonly Reason[] {
  return words === "" ? [] : [reason("asked", words)];
}
