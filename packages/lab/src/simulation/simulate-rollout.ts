import { setMaxListeners } from "node:events";
import { MpoError, type RolloutCommand } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { type Clock, untilAborted } from "@mpo/io";
import { VirtualClock } from "@mpo/io/testing";
import { deviceKey, notifySubject } from "@mpo/protocol";
import { BUCKETS } from "@mpo/transport";
import { RolloutHistory, type SeenRollout } from "../promises/rollout-history.ts";
import { drawRollout } from "./draw-rollout.ts";
import { type Behaviour, LightDevice } from "./light-device.ts";
import { coordinatorStarter } from "./simulated-coordinator.ts";
import { type LiveCoordinator, simulatedLink } from "./simulated-network.ts";
import { stormyHub, stormyServer } from "./stormy-store.ts";

export interface RolloutResult {
  readonly seed: number;
  /** Empty: everything held. */
  readonly problems: readonly string[];
  /** Equal for equal seeds. */
  readonly traceHash: string;
  readonly events: number;
  readonly virtualMs: number;
  /** How it ended. */
  readonly phase: string;
  readonly counts: Readonly<Record<string, number>>;
  /** From the moment in which too many had said that they failed until it was halted; absent: it was not. */
  readonly haltMs?: number;
  /** From the start until the last wave had passed, against what was forecast; absent: it did not get so far. */
  readonly tookMs?: number;
  readonly expectedMs?: number;
  /** Nothing went wrong that a forecast does not know of. */
  readonly isForecastable: boolean;
}

export interface RolloutSimulation {
  readonly seed: number;
  /** Default: some, as the seed says. */
  readonly devices?: number;
  /** Nothing misbehaves but devices. Default: as the seed says. */
  readonly isCalm?: boolean;
}

const START_MS = 1_800_000_000_000;
const STEP_MS = 1_000;
/** Everybody has joined, reported and got a document by then. */
const JOIN_MS = 30 * 60_000;
const STORM_MS = 15 * 60_000;
const LONGEST_MS = 4 * 3_600_000;
const SITES = 3;
const TENANT = "acme";
const AT_REST = ["completed", "stopped", "rolled-back"];

/**
 * Runs a rollout over light devices in virtual time: the product's two coordinators, which are killed now and then, over a
 * store, a bus and a network that misbehave while a storm lasts. What must hold is looked at with every stored write;
 * afterwards it is calm, and the rollout must have come to rest.
 */
export async function simulateRollout({ seed, ...options }: RolloutSimulation): Promise<RolloutResult> {
  const virtual = new VirtualClock(START_MS);
  const clock: Clock = {
    now: () => Math.floor(virtual.now()),
    monotonicMs: () => virtual.monotonicMs(),
    sleep: (ms, sleeping) => virtual.sleep(ms, sleeping),
  };
  const source = createRandom(seed);
  const random = (): number => source.uniform();
  const isCalm = options.isCalm ?? seed % 5 === 0;
  const drawn = drawRollout(random, { devices: options.devices, isCalm });
  let isStormy = false;
  const chance = (share: number): number => (isStormy ? share : 0);
  const cut = new Set<string>();
  const siteOf = (device: string): string => `site-${Number(device.slice(3)) % SITES}`;
  const history = new RolloutHistory({
    nowMs: () => virtual.monotonicMs(),
    siteOf,
    isAway: (one) => cut.has(one),
    isInOrder: true,
  });
  const hub = stormyHub({ clock, random, chance });
  const server = stormyServer({ clock, random, chance }, hub, { onStored: (write) => history.stored(write) });
  const onFailure = (problem: string): void => history.fail(problem);
  const startCoordinator = coordinatorStarter({ clock, random, server, onFailure });
  const slots = [0, 1].map(() => ({
    current: startCoordinator() as ReturnType<typeof startCoordinator> | undefined,
    backAtMs: 0,
  }));
  const reachable = (): readonly LiveCoordinator[] =>
    slots.flatMap(({ current }) => (current === undefined ? [] : [current]));
  const ends = new AbortController();
  // Every device listens.
  setMaxListeners(0, ends.signal);
  const devices = drawn.behaviours.map((behaviour, index) => newDevice(`pi-${index}`, behaviour));
  const running = [...devices.values()].map((device) => device.run(ends.signal));
  void hear();

  while (virtual.monotonicMs() < JOIN_MS && devices.some(({ document }) => document === undefined))
    await advance(STEP_MS);
  if (devices.some(({ document }) => document === undefined)) history.fail("not all devices got their first document");
  // Its window is over, and confirms it.
  await advance(60_000);
  const planned = await ask("planned", ({ coordinator, signal }) =>
    coordinator.rolloutApi.planRollout({ tenant: TENANT, spec: JSON.stringify(drawn.spec), reason: "" }, { signal }),
  );
  await tell("start");
  isStormy = !isCalm;
  const startedMs = virtual.monotonicMs();
  while (virtual.monotonicMs() - startedMs < LONGEST_MS) {
    if (isStormy) disturb();
    revive();
    await advance(STEP_MS);
    if (virtual.monotonicMs() - startedMs > STORM_MS) calmDown();
    const { record } = seen() ?? {};
    if (record === undefined) continue;
    const { phase, waves, wave } = record.state;
    if (AT_REST.includes(phase)) break;
    if (waves[wave]?.state === "approval" && phase === "running" && random() < 0.2) await tell("approve");
    if (phase === "halted" && random() < 0.1) await tell(record.state.halt === "failed" ? "roll-back" : "next");
    if (phase === "conflicted") await tell("roll-back");
    if (phase === "running" && random() < drawn.pauseChance) await tell("pause");
    if (phase === "paused" && random() < 0.1) await tell("resume");
  }
  calmDown();
  // Reports that were on their way, and devices that come back, still count.
  await advance(3 * 60_000);
  check();
  const virtualMs = virtual.monotonicMs();
  ends.abort();
  for (const { current } of slots) current?.end();
  await advance(60_000);
  await Promise.race([Promise.allSettled(running), advance(1)]);
  return {
    seed,
    problems: history.problems,
    traceHash: history.traceHash(),
    events: history.events,
    virtualMs,
    ...figures(),
  };

  function newDevice(device: string, behaviour: Behaviour): LightDevice {
    const identity = { tenant: TENANT, device };
    const store = server.connect();
    const link = simulatedLink({
      ...{ clock, random, chance },
      coordinators: () => (cut.has(device) ? [] : reachable()),
      certificate: () => undefined,
      onCall: (method, outcome) => history.note(clock.monotonicMs().toFixed(3), device, method, outcome),
    });
    return new LightDevice({
      ...{ identity, site: siteOf(device), behaviour, clock, random, link },
      speed: 0.5 + random(),
      read: async (signal) => {
        if (cut.has(device)) throw new MpoError("unavailable", "the network is cut");
        return (await store.get(BUCKETS.desired, deviceKey(identity), { signal, consistency: "any" }))?.value;
      },
      onAcknowledged: (request) => history.acknowledged(request),
    });
  }

  async function hear(): Promise<void> {
    const bySubject = new Map(devices.map((device) => [notifySubject(device.identity), device]));
    for await (const notification of await hub.connect().subscribe("dn.>", { signal: ends.signal })) {
      if (notification.kind === "message") bySubject.get(notification.subject)?.call();
      else for (const device of devices) device.call();
    }
  }

  function seen(): SeenRollout | undefined {
    return history.rollout(drawn.spec.name);
  }

  /** Kills, cuts and crashes, now and then. */
  function disturb(): void {
    const nowMs = virtual.monotonicMs();
    for (const slot of slots) {
      if (slot.current === undefined || random() >= 0.015) continue;
      history.note(nowMs, "kill", slot.current.coordinator.name);
      slot.current.end();
      slot.current = undefined;
      slot.backAtMs = nowMs + random() * 30_000;
    }
    if (random() < 0.002) {
      history.note(nowMs, "store crash");
      server.crash();
      void clock.sleep(random() * 5_000).then(() => server.restart());
    }
    for (const { identity } of devices) {
      if (random() < 0.0008) cut.add(identity.device);
      else if (cut.has(identity.device) && random() < 0.01) cut.delete(identity.device);
    }
    const person = devices[Math.floor(random() * devices.length)];
    if (random() < drawn.pushChance && person !== undefined) push(person);
  }

  function revive(): void {
    for (const slot of slots) if (virtual.monotonicMs() >= slot.backAtMs) slot.current ??= startCoordinator();
  }

  function calmDown(): void {
    isStormy = false;
    cut.clear();
    for (const slot of slots) slot.backAtMs = 0;
    revive();
  }

  /** Somebody changes a device by hand in the middle of it. */
  function push({ identity }: LightDevice): void {
    const [live] = reachable();
    if (live === undefined) return;
    const { signal } = live;
    live.coordinator.admin.pushConfig({ identity, model: "tiny", reason: "by hand" }, { signal }).then(
      () => history.note("pushed by hand", identity.device),
      (thrown: unknown) => history.note("not pushed by hand", identity.device, MpoError.from(thrown).code),
    );
  }

  /** Says something to the rollout, until somebody has heard it, or it makes no sense any more. */
  async function tell(command: RolloutCommand): Promise<void> {
    await ask(command, ({ coordinator, signal }) =>
      coordinator.rolloutApi.changeRollout({ tenant: TENANT, name: drawn.spec.name, command, reason: "" }, { signal }),
    );
  }

  async function ask<Answer>(
    what: string,
    work: (live: LiveCoordinator) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    for (let tries = 0; tries < 60; tries++) {
      const all = reachable();
      const live = all[Math.floor(random() * all.length)];
      const outcome =
        live === undefined
          ? "nobody"
          : await patiently(Promise.race([work(live), ended(live.signal)])).catch((thrown: unknown) =>
              MpoError.from(thrown),
            );
      history.note(virtual.monotonicMs(), what, outcome instanceof MpoError ? outcome.code : "done");
      if (outcome instanceof MpoError && ["invalid-argument", "internal", "invalid-data"].includes(outcome.code))
        history.fail(`${what}: ${outcome.message}`);
      if (outcome instanceof MpoError && outcome.code === "precondition-failed") return undefined;
      if (outcome !== "nobody" && !(outcome instanceof MpoError)) return outcome;
      revive();
      await advance(2_000);
    }
    history.fail(`nobody has heard: ${what}`);
    return undefined;
  }

  /** What must hold at the end. */
  function check(): void {
    const rollout = seen();
    if (rollout === undefined) {
      history.fail("there is no rollout");
      return;
    }
    const { record, devices: all } = rollout;
    const { phase } = record.state;
    if (!AT_REST.includes(phase))
      history.fail(`it is ${phase}, and not at rest: ${record.waitsFor ?? record.state.reason}`);
    if (!drawn.ends.includes(phase))
      history.fail(`it is ${phase}: ${record.state.reason}; expected ${drawn.ends.join(" or ")}`);
    const devicesPlanned = planned?.rollout.devices ?? all.size;
    if (all.size !== devicesPlanned) history.fail(`${all.size} of ${devicesPlanned} devices are known`);
    const runs = new Map(devices.map(({ identity, document }) => [identity.device, document]));
    history.checkAtRest(drawn.spec.name, (device) => runs.get(device));
  }

  function figures(): Pick<RolloutResult, "phase" | "counts" | "haltMs" | "tookMs" | "expectedMs" | "isForecastable"> {
    const rollout = seen();
    const counts: Record<string, number> = {};
    for (const { state } of rollout?.devices.values() ?? []) counts[state] = (counts[state] ?? 0) + 1;
    const phase = rollout?.record.state.phase ?? "unknown";
    const { saidAtMs = Number.POSITIVE_INFINITY, haltedAtMs = 0, finishedAtMs } = rollout ?? {};
    const expectedMs = planned?.rollout.forecast?.expectedMs;
    return {
      ...{ phase, counts },
      isForecastable: isCalm && devices.every(({ behaviour }) => behaviour === "good"),
      // It may have been halted before, by something else.
      ...(saidAtMs > haltedAtMs ? {} : { haltMs: haltedAtMs - saidAtMs }),
      ...(finishedAtMs === undefined ? {} : { tookMs: finishedAtMs - startedMs }),
      ...(expectedMs === undefined ? {} : { expectedMs }),
    };
  }

  async function advance(ms: number): Promise<void> {
    await virtual.advance(ms);
  }

  /** The outcome of something that itself waits for the virtual clock. */
  async function patiently<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = (): void => {
      isDone = true;
    };
    work.then(done, done);
    while (!isDone) await virtual.advance(100);
    return await work;
  }
}

/** Rejects when a coordinator is killed: whoever asked it gets no answer. */
async function ended(signal: AbortSignal): Promise<never> {
  return await untilAborted(new Promise<never>(() => undefined), signal);
}
