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

/** The calls of a device over a network that loses, delays and repeats, through the bytes of the wire. */
export function simulatedLink(options: NetworkOptions): FleetLink {
  const { clock, onCall } = options;

  async function call<Request, Response>(
    name: string,
    method: Method<Request, Response>,
    request: Request,
    run: (target: Coordinator, request: Request, signal: AbortSignal) => Promise<Response>,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    using linked = linkSignals(signal);
    try {
      const answer = await attempt(method, request, run, linked.signal);
      onCall(name, "ok");
      return answer;
    } catch (thrown) {
      onCall(name, MpoError.from(thrown).code);
      throw thrown;
    }
  }

  async function attempt<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    run: (target: Coordinator, request: Request, signal: AbortSignal) => Promise<Response>,
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
      const answer = await run(target.coordinator, method.request.fromBytes(bytes), target.signal);
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

  const fleet = FLEET_SERVICE;
  return {
    enroll: (request, { signal } = {}) =>
      call("enroll", fleet.enroll, request, (to, sent, ends) => to.fleet.enroll(sent, { signal: ends }), signal),
    hello: (request, { signal } = {}) =>
      call("hello", fleet.hello, request, (to, sent, ends) => to.fleet.hello(sent, { signal: ends }), signal),
    heartbeat: (request, { signal } = {}) =>
      call(
        "heartbeat",
        fleet.heartbeat,
        request,
        (to, sent, ends) => to.fleet.heartbeat(sent, { signal: ends }),
        signal,
      ),
    reportProfile: (request, { signal } = {}) =>
      call(
        "profile",
        fleet.reportProfile,
        request,
        (to, sent, ends) => to.fleet.reportProfile(sent, { signal: ends }),
        signal,
      ),
    reportStatus: (request, { signal } = {}) =>
      call(
        "status",
        fleet.reportStatus,
        request,
        (to, sent, ends) => to.fleet.reportStatus(sent, { signal: ends }),
        signal,
      ),
  };
}
