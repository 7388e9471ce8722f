import type { FleetLink } from "@mpo/agent";
import type { Coordinator } from "@mpo/coordinator";
import { MpoError } from "@mpo/core";
import { type Clock, linkSignals } from "@mpo/io";
import { FLEET_SERVICE, type Method } from "@mpo/protocol";

/** A coordinator that runs, and the signal of its end. */
export interface LiveCoordinator {
  readonly coordinator: Coordinator;
  readonly signal: AbortSignal;
}

/** What a network does to the calls of one device. */
export interface NetworkFaults {
  readonly random: () => number;
  /** Chances from 0 to 1. */
  readonly loseRequest: number;
  readonly loseAnswer: number;
  readonly repeat: number;
  readonly maxDelayMs: number;
}

export interface NetworkOptions {
  readonly clock: Clock;
  readonly faults: () => NetworkFaults;
  /** Who can be reached now. */
  readonly coordinators: () => readonly LiveCoordinator[];
  readonly onCall: (method: string, outcome: string) => void;
}

const TIMEOUT_MS = 10_000;

type Run<Request, Response> = (to: Coordinator, request: Request, call: { signal: AbortSignal }) => Promise<Response>;

/** The calls of a device over a network that loses, delays and repeats, through the bytes of the wire. */
export function simulatedLink(options: NetworkOptions): FleetLink {
  const { clock, onCall } = options;

  /** A method of the link. */
  function over<Request, Response>(method: Method<Request, Response>, run: Run<Request, Response>) {
    return async (request: Request, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Response> => {
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
    const { random, loseRequest, loseAnswer, repeat, maxDelayMs } = options.faults();
    await clock.sleep(random() * maxDelayMs, { signal });
    const all = options.coordinators();
    const target = all[Math.floor(random() * all.length)];
    if (target === undefined) throw new MpoError("unavailable", "no coordinator can be reached");
    if (random() < loseRequest) return await noAnswer(signal);
    const bytes = method.request.toBytes(request);
    const arrive = async (): Promise<Response> => {
      const answer = await run(target.coordinator, method.request.fromBytes(bytes), { signal: target.signal });
      return method.response.fromBytes(method.response.toBytes(answer));
    };
    if (random() < repeat) repeatLater(arrive, random() * TIMEOUT_MS);
    const answer = await withinTime(arrive(), signal);
    if (random() < loseAnswer) return await noAnswer(signal);
    await clock.sleep(random() * maxDelayMs, { signal });
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
    // The server goes on after the caller gave up, as a real one may.
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
    reportProfile: over(FLEET_SERVICE.reportProfile, ({ fleet }, request, call) => fleet.reportProfile(request, call)),
    reportStatus: over(FLEET_SERVICE.reportStatus, ({ fleet }, request, call) => fleet.reportStatus(request, call)),
  };
}
