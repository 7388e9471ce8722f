import { isDeepStrictEqual } from "node:util";
import { given } from "@mpo/core";
import {
  type FleetServiceMethods,
  type HelloRequest,
  MAX_LABELS,
  type RequestOf,
  type ResponseOf,
} from "@mpo/protocol";
import { DEFAULT_ENROLMENT_POLICY } from "../identity/enrolment-verdict.ts";
import type { DeviceRecord } from "../registry/device-record.ts";
import type { Introduction } from "../registry/registry.ts";
import type { ApiCall } from "./api-call.ts";
import { deviceIdentityOf } from "./device-identity.ts";
import type { Doubles } from "./doubles.ts";
import type { FleetParts } from "./fleet-parts.ts";

type Request = RequestOf<FleetServiceMethods["enroll"]>;
type Response = ResponseOf<FleetServiceMethods["enroll"]>;

/** Makes devices part of the fleet. */
export class Enrolling {
  readonly #parts: FleetParts;
  readonly #doubles: Doubles;

  constructor(parts: FleetParts, doubles: Doubles) {
    this.#parts = parts;
    this.#doubles = doubles;
  }

  /** Lets a device in, or has it wait; where nobody proves who they are, it is who it says. */
  async enroll(request: Request, call: ApiCall): Promise<Response> {
    const { identities, clock } = this.#parts;
    const always = { retryAfterSeconds: 0, serverTimeMs: clock.now() };
    if (identities === undefined) {
      const identity = deviceIdentityOf(request.identity, call);
      await this.#introduce(request, request.labels, call);
      return { ...always, state: "accepted", identity };
    }
    const outcome = await identities.enrolments.enrol(request, call.peer ?? "", call);
    const { identity, labels } = outcome.record;
    if (outcome.isNew) await this.#log(request, outcome, call);
    if (outcome.kind === "pending") {
      return { ...always, state: "pending", identity, retryAfterSeconds: DEFAULT_ENROLMENT_POLICY.askAgainSeconds };
    }
    await this.#introduce({ ...request, identity }, withLabels(request.labels, labels), call);
    return { ...always, state: "accepted", identity, credentials: outcome.credentials };
  }

  /**
   * Stores what a device says of itself, with the labels that the fleet gives it. Those may have been changed where another
   * coordinator was asked, and not be known here yet: they are read after each write, until that has them. Who changes
   * them from then on finds what is stored here.
   */
  async introduceLabelled(request: HelloRequest, { signal }: Pick<ApiCall, "signal">): Promise<Introduction> {
    const { registry, identities } = this.#parts;
    const { identity } = request;
    let labelled = identities?.enrolments.get(identity)?.labels ?? [];
    let first: Introduction | undefined;
    for (;;) {
      const labels = withLabels(request.labels, labelled);
      const { before, record } = await registry.introduce({ ...request, labels }, { signal });
      first ??= { before, record };
      const stored = (await identities?.enrolments.load(identity, { signal }))?.labels ?? [];
      if (isDeepStrictEqual(stored, labelled)) return { before: first.before, record };
      labelled = stored;
    }
  }

  async #introduce(request: Request, labels: Request["labels"], call: ApiCall): Promise<void> {
    const { identity, inventory, instance } = request;
    if ((await this.#doubles.meet(request, call)) !== undefined) return;
    const { before } = await this.#parts.registry.introduce(
      { identity, inventory, labels, ...given({ instance }) },
      call,
    );
    await this.logArrival(identity, before, inventory.deviceClass, call);
  }

  /** Logs a device that is new, or that was retired. */
  async logArrival(
    identity: Request["identity"],
    before: DeviceRecord | undefined,
    deviceClass: string,
    { requestId }: Pick<ApiCall, "requestId">,
  ): Promise<void> {
    const isBack = before?.retiredAtMs !== undefined;
    if (before !== undefined && !isBack) return;
    const { logger, audit } = this.#parts;
    const message = isBack ? "it was retired, and is part of the fleet again" : `class ${deviceClass}`;
    logger.info("a device enrolled", { deviceId: identity.device, deviceClass, wasRetired: isBack, requestId });
    const kind = isBack ? "device-returned" : "device-enrolled";
    await audit.log({ kind, identity, actor: `device ${identity.device}`, message });
  }

  async #log(
    { inventory }: Request,
    {
      kind,
      record,
    }: {
      readonly kind: string;
      readonly record: { readonly identity: Request["identity"]; readonly keyDigest: string };
    },
    { peer, requestId }: ApiCall,
  ): Promise<void> {
    const { identity, keyDigest } = record;
    const { logger, audit } = this.#parts;
    const key = keyDigest.slice(0, 12);
    logger.info(kind === "pending" ? "a device waits to be accepted" : "a device has joined", {
      ...{ deviceId: identity.device, key, peer, requestId },
    });
    const message = `class ${inventory.deviceClass}, key ${key}, from ${peer ?? "an unknown address"}`;
    const actor = `device ${identity.device}`;
    await audit.log({ kind: kind === "pending" ? "device-pending" : "device-joined", identity, actor, message });
  }
}

/** A device's labels: those that the fleet gives it count more than its own, also where there is not room for all. */
export function withLabels(own: Request["labels"], given: Request["labels"]): Request["labels"] {
  return [...own.filter(({ name }) => given.every((one) => one.name !== name)), ...given].slice(-MAX_LABELS);
}
