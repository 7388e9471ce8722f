import type { FleetLink } from "@mpo/agent";
import type { Coordinator } from "@mpo/coordinator";
import { MpoError } from "@mpo/core";
import { linkSignals } from "@mpo/io";
import { FLEET_SERVICE, type Method } from "@mpo/protocol";
import type { SimulatedCertificate } from "./simulated-keys.ts";
import type { Storm } from "./stormy-store.ts";

/** A coordinator that runs, and the signal of its end. */
export interface LiveCoordinator {
  readonly coordinator: Coordinator;
  readonly signal: AbortSignal;
}

export interface NetworkOptions extends Storm {
  /** Who can be reached now. */
  readonly coordinators: () => readonly LiveCoordinator[];
  /** What the caller shows of itself; undefined: nothing. */
  readonly certificate: () => SimulatedCertificate | undefined;
  readonly onCall: (method: string, outcome: string) => void;
}

const TIMEOUT_MS = 10_000;
const MAX_DELAY_MS = 100;
/** Shares of the calls while the storm lasts. */
const LOSE_REQUEST = 0.05;
const LOSE_ANSWER = 0.1;
const REPEAT = 0.1;

interface Call {
  readonly signal: AbortSignal;
  readonly deviceId: string | undefined;
}
type Run<Request, Response> = (to: Coordinator, request: Request, call: Call) => Promise<Response>;

/** The calls of a device over a network that loses, delays and repeats, through the bytes of the wire. */
export function simulatedLink(options: NetworkOptions): FleetLink {
  const { clock, random, chance, onCall } = options;

  /** A method of the link. */
  function over<Request, Response>(method: Method<Request, Response>, run: Run<Request, Response>) {
    return async (
      request: Request,
      { signal }: { readonly signal?: AbortSignal | undefined } = {},
    ): Promise<Response> => {
      using linked = linkSignals(signal);
      try {
        const answer = await attempt(method, request, run, linked.signal);
        onCall(method.path, "ok");
        return answer;
      } catch (thrown) {
        onCall(method.path, MpoError.from(thrown).code);
        throw thrown;
      }
    };
  }

  async function attempt<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    run: Run<Request, Response>,
    signal: AbortSignal,
  ): Promise<Response> {
    await clock.sleep(random() * MAX_DELAY_MS, { signal });
    const all = options.coordinators();
    const target = all[Math.floor(random() * all.length)];
    if (target === undefined) throw new MpoError("unavailable", "no coordinator can be reached");
    if (random() < chance(LOSE_REQUEST)) return await noAnswer(signal);
    const bytes = method.request.toBytes(request);
    const certificate = options.certificate();
    const arrive = async (): Promise<Response> => {
      const isAnonymous = method.path === FLEET_SERVICE.enroll.path;
      const deviceId = isAnonymous ? undefined : provenBy(certificate, target.coordinator, clock.now());
      const call = { signal: target.signal, deviceId };
      const answer = await run(target.coordinator, method.request.fromBytes(bytes), call);
      return method.response.fromBytes(method.response.toBytes(answer));
    };
    if (random() < chance(REPEAT)) repeatLater(arrive, random() * TIMEOUT_MS);
    const answer = await withinTime(arrive(), signal);
    if (random() < chance(LOSE_ANSWER)) return await noAnswer(signal);
    await clock.sleep(random() * MAX_DELAY_MS, { signal });
    return answer;
  }

  function repeatLater(arrive: () => Promise<unknown>, delayMs: number): void {
    clock
      .sleep(delayMs)
      .then(arrive)
      .catch(() => undefined);
  }

  async function withinTime<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
    using linked = linkSignals(signal);
    // The server continues after the caller gave up, as a real one may.
    answer.catch(() => undefined);
    const late = noAnswer(linked.signal);
    late.catch(() => undefined);
    try {
      return await Promise.race([answer, late]);
    } finally {
      linked.abort();
    }
  }

  async function noAnswer(signal: AbortSignal): Promise<never> {
    await clock.sleep(TIMEOUT_MS, { signal });
    throw new MpoError("timed-out", "the coordinator did not answer");
  }

  return {
    enroll: over(FLEET_SERVICE.enroll, ({ fleet }, request, call) => fleet.enroll(request, call)),
    hello: over(FLEET_SERVICE.hello, ({ fleet }, request, call) => fleet.hello(request, call)),
    heartbeat: over(FLEET_SERVICE.heartbeat, ({ fleet }, request, call) => fleet.heartbeat(request, call)),
    fetchProfile: over(FLEET_SERVICE.fetchProfile, ({ fleet }, request, call) => fleet.fetchProfile(request, call)),
    reportProfile: over(FLEET_SERVICE.reportProfile, ({ fleet }, request, call) => fleet.reportProfile(request, call)),
    reportStatus: over(FLEET_SERVICE.reportStatus, ({ fleet }, request, call) => fleet.reportStatus(request, call)),
    reportAdaptation: over(FLEET_SERVICE.reportAdaptation, ({ adaptations }, request, call) =>
      adaptations.reportAdaptation(request, call),
    ),
    fetchAdaptation: over(FLEET_SERVICE.fetchAdaptation, ({ adaptations }, request, call) =>
      adaptations.fetchAdaptation(request, call),
    ),
  };
}

/** Who a certificate's holder is, as a coordinator judges it at every call. */
function provenBy(
  certificate: SimulatedCertificate | undefined,
  { identities }: Coordinator,
  nowMs: number,
): string | undefined {
  if (identities === undefined) return undefined;
  if (certificate === undefined || nowMs >= certificate.endsAtMs) {
    throw new MpoError("unauthenticated", "no certificate, or one that has expired");
  }
  const { identity, keyDigest } = certificate;
  identities.enrolments.requireAccepted(identity, keyDigest);
  return `${identity.tenant}.${identity.device}`;
}
