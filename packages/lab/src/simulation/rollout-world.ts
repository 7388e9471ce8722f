import { setMaxListeners } from "node:events";
import { MpoError } from "@mpo/core";
import { type Clock, untilAborted } from "@mpo/io";
import { VirtualClock } from "@mpo/io/testing";
import { deviceKey, notifySubject } from "@mpo/protocol";
import { BUCKETS } from "@mpo/transport";
import { RolloutHistory } from "../promises/rollout-history.ts";
import { type Behaviour, LightDevice } from "./light-device.ts";
import { patiently } from "./patiently.ts";
import { coordinatorStarter } from "./simulated-coordinator.ts";
import { type LiveCoordinator, simulatedLink } from "./simulated-network.ts";
import { stormyHub, stormyServer } from "./stormy-store.ts";

const START_MS = 1_800_000_000_000;
const SITES = 3;
/** Some cannot make a step in a short window. */
const SLOW_SHARE = 0.1;
const TRIES = 60;
const TRY_AGAIN_MS = 2_000;
/** Answers that are no answer, or will be another one soon. */
const UNKNOWN = ["unavailable", "timed-out", "cancelled", "conflict"];

export const SIMULATED_TENANT = "acme";

/** Two coordinators and light devices over a store, a bus and a network that misbehave while a storm lasts. */
export class RolloutWorld {
  readonly virtual: VirtualClock = new VirtualClock(START_MS);
  readonly history: RolloutHistory;
  readonly devices: readonly LightDevice[];
  /** Whether things go wrong now. */
  isStormy = false;
  readonly #random: () => number;
  readonly #clock: Clock;
  readonly #hub: ReturnType<typeof stormyHub>;
  readonly #server: ReturnType<typeof stormyServer>;
  readonly #start: ReturnType<typeof coordinatorStarter>;
  readonly #slots: { current: ReturnType<ReturnType<typeof coordinatorStarter>> | undefined; backAtMs: number }[];
  readonly #ends = new AbortController();
  /** Devices that are cut off. */
  readonly #cut = new Set<string>();
  readonly #running: readonly Promise<void>[];

  constructor(behaviours: readonly Behaviour[], random: () => number) {
    const { virtual } = this;
    this.#random = random;
    // Every device listens.
    setMaxListeners(0, this.#ends.signal);
    const clock: Clock = {
      now: () => Math.floor(virtual.now()),
      monotonicMs: () => virtual.monotonicMs(),
      sleep: (ms, options) => virtual.sleep(ms, options),
    };
    this.#clock = clock;
    this.history = new RolloutHistory({
      ...{ nowMs: () => virtual.monotonicMs(), siteOf, isInOrder: true },
      isAway: (device) => this.#cut.has(device),
    });
    const { history } = this;
    const storm = { clock, random, chance: (share: number) => (this.isStormy ? share : 0) };
    this.#hub = stormyHub(storm);
    this.#server = stormyServer(storm, this.#hub, { onStored: (write) => history.stored(write) });
    const server = this.#server;
    this.#start = coordinatorStarter({ clock, random, server, onFailure: (problem) => history.fail(problem) });
    this.#slots = [0, 1].map(() => ({ current: this.#start(), backAtMs: 0 }));
    this.devices = behaviours.map((behaviour, index) => this.#newDevice(`pi-${index}`, behaviour, storm));
    this.#running = [...this.devices.map((device) => device.run(this.#ends.signal)), this.#hear()];
  }

  /** Coordinators that run. */
  get reachable(): readonly LiveCoordinator[] {
    return this.#slots.flatMap(({ current }) => (current === undefined ? [] : [current]));
  }

  async advance(ms: number): Promise<void> {
    await this.virtual.advance(ms);
  }

  /** Kills, cuts and crashes, now and then; coordinators that were killed come back. */
  disturb(): void {
    const random = this.#random;
    const nowMs = this.virtual.monotonicMs();
    for (const slot of this.#slots) {
      if (slot.current === undefined || random() >= 0.015) continue;
      this.history.note(nowMs, "kill", slot.current.coordinator.name);
      slot.current.end();
      slot.current = undefined;
      slot.backAtMs = nowMs + random() * 30_000;
    }
    if (random() < 0.002) {
      this.history.note(nowMs, "store crash");
      this.#server.crash();
      void this.#clock.sleep(random() * 5_000).then(() => this.#server.restart());
    }
    for (const { identity } of this.devices) {
      if (random() < 0.0008) this.#cut.add(identity.device);
      else if (this.#cut.has(identity.device) && random() < 0.01) this.#cut.delete(identity.device);
    }
  }

  revive(): void {
    const nowMs = this.virtual.monotonicMs();
    for (const slot of this.#slots) if (nowMs >= slot.backAtMs) slot.current ??= this.#start();
  }

  calmDown(): void {
    this.isStormy = false;
    this.#cut.clear();
    for (const slot of this.#slots) slot.backAtMs = 0;
    this.revive();
  }

  /** Somebody changes a device by hand; whether that works is not known to him. */
  pushByHand(): void {
    const { identity } = this.devices[Math.floor(this.#random() * this.devices.length)] as LightDevice;
    const [live] = this.reachable;
    live?.coordinator.admin.pushConfig({ identity, model: "tiny", reason: "by hand" }, { signal: live.signal }).then(
      () => this.history.note("pushed by hand", identity.device),
      (thrown: unknown) => this.history.note("not pushed by hand", identity.device, MpoError.from(thrown).code),
    );
  }

  /** Asks any coordinator until one has answered. Throws what it refuses. */
  async ask<Answer>(what: string, work: (live: LiveCoordinator) => Promise<Answer>): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      const all = this.reachable;
      const live = all[Math.floor(this.#random() * all.length)];
      try {
        if (live === undefined) throw new MpoError("unavailable", "no coordinator runs");
        const answer = await patiently(this.virtual, Promise.race([work(live), ended(live.signal)]));
        this.history.note(this.virtual.monotonicMs(), what);
        return answer;
      } catch (thrown) {
        const { code } = MpoError.from(thrown);
        this.history.note(this.virtual.monotonicMs(), what, code);
        if (!UNKNOWN.includes(code) || tries === TRIES) throw thrown;
      }
      this.revive();
      await this.advance(TRY_AGAIN_MS);
    }
  }

  async end(): Promise<void> {
    this.#ends.abort();
    for (const { current } of this.#slots) current?.end();
    await this.advance(60_000);
    await Promise.race([Promise.allSettled(this.#running), this.advance(1)]);
  }

  #newDevice(device: string, behaviour: Behaviour, storm: Parameters<typeof stormyHub>[0]): LightDevice {
    const { clock, random } = storm;
    const identity = { tenant: SIMULATED_TENANT, device };
    const store = this.#server.connect();
    const link = simulatedLink({
      ...storm,
      coordinators: () => (this.#cut.has(device) ? [] : this.reachable),
      certificate: () => undefined,
      onCall: (method, outcome) => this.history.note(clock.monotonicMs().toFixed(3), device, method, outcome),
    });
    return new LightDevice({
      ...{ identity, site: siteOf(device), behaviour, clock, random, link },
      speed: random() < SLOW_SHARE ? 0.01 : 0.5 + random(),
      memoryFactor: 0.9 + 0.5 * random(),
      read: async (signal) => {
        if (this.#cut.has(device)) throw new MpoError("unavailable", "the network is cut");
        return (await store.get(BUCKETS.desired, deviceKey(identity), { signal, consistency: "any" }))?.value;
      },
      onAcknowledged: (request) => this.history.acknowledged(request),
    });
  }

  /** Calls devices for which something was pushed. */
  async #hear(): Promise<void> {
    const bySubject = new Map(this.devices.map((device) => [notifySubject(device.identity), device]));
    for await (const notification of await this.#hub.connect().subscribe("dn.>", { signal: this.#ends.signal })) {
      if (notification.kind === "message") bySubject.get(notification.subject)?.call();
      else for (const device of this.devices) device.call();
    }
  }
}

function siteOf(device: string): string {
  return `site-${Number(device.slice(3)) % SITES}`;
}

/** Rejects when a coordinator is killed: whoever asked it gets no answer. */
async function ended(signal: AbortSignal): Promise<never> {
  return await untilAborted(new Promise<never>(() => undefined), signal);
}
