import { createHash } from "node:crypto";
import { memberLink } from "@mpo/agent";
import { formatVersion, MpoError } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import type { Clock } from "@mpo/io";
import { VirtualClock } from "@mpo/io/testing";
import {
  compareVersions,
  type DeviceIdentity,
  type DocumentVersion,
  desiredDocumentCodec,
  desiredEnvelopeCodec,
  deviceKey,
} from "@mpo/protocol";
import { BUCKETS } from "@mpo/transport";
import { acknowledging } from "../promises/compare-reports.ts";
import { decideDoubled } from "./decide-doubled.ts";
import { FleetHistory } from "./fleet-history.ts";
import { IdentityEvents } from "./identity-events.ts";
import { patiently } from "./patiently.ts";
import { RolloutEvents } from "./rollout-events.ts";
import { coordinatorStarter } from "./simulated-coordinator.ts";
import { SIMULATED_MODEL, SimulatedDevice } from "./simulated-device.ts";
import { SharedKeys, SimulatedNats } from "./simulated-keys.ts";
import { SimulatedMember } from "./simulated-member.ts";
import { type LiveCoordinator, simulatedLink } from "./simulated-network.ts";
import { stormyHub, stormyServer } from "./stormy-store.ts";

export interface SimulationResult {
  readonly seed: number;
  /** Empty: everything held. */
  readonly problems: readonly string[];
  /** Equal for equal seeds. */
  readonly traceHash: string;
  readonly events: number;
  readonly virtualMs: number;
}

const STORM_MS = 10 * 60_000;
const CALM_MS = 16 * 60_000;
const STEP_MS = 5_000;
const YEAR_MS = 365 * 86_400_000;
const START_MS = 1_800_000_000_000;

interface SlotOf<T> {
  current: T | undefined;
  /** When it comes back, virtual milliseconds. */
  backAtMs: number;
}

/**
 * Runs a fleet in virtual time: the product's coordinators and agents over a store, a bus and a network that misbehave
 * while a storm lasts, as the seed says. Afterwards it is calm, and everything must have come right. Every fourth seed's
 * store may lose writes that it acknowledged (a restored older copy).
 */
export async function simulate(seed: number): Promise<SimulationResult> {
  const virtual = new VirtualClock(START_MS);
  // As the system's: whole milliseconds on the wall, whatever fractions things took.
  const clock: Clock = {
    now: () => Math.floor(virtual.now()),
    monotonicMs: () => virtual.monotonicMs(),
    sleep: (ms, options) => virtual.sleep(ms, options),
  };
  const source = createRandom(seed);
  const random = (): number => source.uniform();
  const history = new FleetHistory();
  const mayRewind = seed % 4 === 3;
  let isStormy = true;
  const chance = (share: number): number => (isStormy ? share : 0);
  const hub = stormyHub({ clock, random, chance });
  const server = stormyServer({ clock, random, chance }, hub);
  const observer = new AbortController();
  const observing = server.connect();
  const watching = history.watch(observing, observer.signal);

  const keys = await SharedKeys.create(clock, random);
  const nats = new SimulatedNats();
  const onFailure = (problem: string): void => history.fail(problem);
  const startCoordinator = coordinatorStarter({ clock, random, server, keys, nats, onFailure });
  const people = new IdentityEvents({ clock, random, history });
  const rollouts = new RolloutEvents({ random, history });
  const coordinators: SlotOf<ReturnType<typeof startCoordinator>>[] = [0, 1].map(() => ({
    current: startCoordinator(),
    backAtMs: 0,
  }));
  const reachable = (): readonly LiveCoordinator[] =>
    coordinators.flatMap(({ current }) => (current === undefined ? [] : [current]));

  let machines = 0;
  const newDevice = (identity: DeviceIdentity): SimulatedDevice => {
    const machineId = `m${++machines}`;
    const network = simulatedLink({
      ...{ clock, random, chance },
      coordinators: () => (device.isCut ? [] : reachable()),
      certificate: () => member.certificate,
      onCall: (method, outcome) => history.note(clock.monotonicMs().toFixed(3), identity.device, method, outcome),
    });
    const member: SimulatedMember = new SimulatedMember({
      ...{ identity, clock, random, enroll: network.enroll, keyDigest: keyDigestOf(machineId) },
      inventory: () => device.inventory(),
    });
    const device: SimulatedDevice = new SimulatedDevice({
      ...{ identity, machineId, clock, random, server, hub, member, nats },
      isStormy: () => isStormy,
      link: acknowledging(
        memberLink(network, member, () => clock.now()),
        ({ report, profile }) => {
          if (device !== clone) history.acknowledged(identity, profile.model.name, report, profile.measuredAtMs);
        },
      ),
    });
    return device;
  };
  let clone: SimulatedDevice | undefined;
  const devices = await Promise.all(
    Array.from({ length: 3 }, async (_, index) => {
      const device = newDevice({ tenant: "acme", device: `pi-${index}` });
      await device.start();
      return { device, backAtMs: 0 };
    }),
  );

  const allDevices = (): readonly SimulatedDevice[] => devices.map(({ device }) => device);

  const look = (): void => {
    for (const { device } of devices) {
      const { applied, isGivenUp = false } = device.agent?.snapshot() ?? {};
      if (applied !== undefined) history.applied(device.identity, applied, isGivenUp);
      if (device.failure !== undefined) {
        history.fail(`${device.identity.device} ended: ${MpoError.from(device.failure).message}`);
      }
    }
  };

  /** Somebody asks for a new document; whether that works is not known to him. */
  const push = (identity: DeviceIdentity): void => {
    const all = reachable();
    const target = all[Math.floor(random() * all.length)];
    const { signal } = target ?? {};
    if (target === undefined || signal === undefined) return;
    const request = { identity, model: SIMULATED_MODEL, reason: "trial" };
    target.coordinator.admin.pushConfig(request, { signal }).then(
      ({ document }) => history.note("asked", identity.device, formatVersion(document.version)),
      (thrown: unknown) => history.note("asked", identity.device, MpoError.from(thrown).code),
    );
  };

  /** A kill, a cut, a crash or a drift, now and then. */
  const disturb = async (): Promise<void> => {
    const nowMs = clock.monotonicMs();
    for (const slot of coordinators) {
      if (slot.current !== undefined && random() < 0.02) {
        history.note(nowMs, "kill", slot.current.coordinator.name);
        slot.current.end();
        slot.current = undefined;
        slot.backAtMs = nowMs + random() * 60_000;
      }
    }
    if (random() < 0.01) {
      const isDeleted = mayRewind && random() < 0.3;
      const loseNewest = isDeleted ? Number.POSITIVE_INFINITY : mayRewind ? Math.floor(random() * 30) : 0;
      history.note(nowMs, "store crash", loseNewest);
      if (loseNewest > 0) history.rewound();
      server.crash({ loseNewest });
      await virtual.advance(random() * 5_000);
      server.restart();
    }
    for (const slot of devices) {
      if (random() < 0.04) push(slot.device.identity);
      if (!slot.device.isDead && random() < 0.02) {
        slot.device.kill();
        slot.backAtMs = nowMs + random() * 120_000;
      }
      if (random() < 0.03) slot.device.isCut = !slot.device.isCut;
      if (random() < 0.01) virtual.jumpWallClock((random() - 0.5) * 600_000);
      if (random() < 0.02) moveClock(slot.device);
      if (random() < 0.02) slot.device.isUnwritable = !slot.device.isUnwritable;
    }
    const [live] = reachable();
    if (live !== undefined) people.disturb(live, allDevices());
    if (live !== undefined) rollouts.disturb(live);
    if (clone !== undefined && random() < 0.1) endClone();
    else if (clone === undefined && random() < 0.02) await startClone();
  };

  /** By years, or back. */
  const moveClock = (device: SimulatedDevice): void => {
    device.clockMovedMs = device.clockMovedMs === 0 ? Math.round((random() - 0.5) * 80) * YEAR_MS : 0;
    history.note("clock", device.identity.device, device.clockMovedMs);
  };
  /** A second machine from a copy of a device's disk. */
  const startClone = async (): Promise<void> => {
    const original = devices[Math.floor(random() * devices.length)]?.device;
    if (original === undefined) return;
    clone = newDevice(original.identity);
    clone.cloneOf(original);
    history.note("clone", original.identity.device);
    await clone.start().catch(endClone);
  };
  const endClone = (): void => {
    clone?.kill();
    clone = undefined;
  };

  const revive = async (isAtOnce: boolean): Promise<void> => {
    const nowMs = clock.monotonicMs();
    for (const slot of coordinators) {
      if (slot.current === undefined && (isAtOnce || nowMs >= slot.backAtMs)) slot.current = startCoordinator();
    }
    for (const slot of devices) {
      if (isAtOnce) Object.assign(slot.device, { isCut: false, isUnwritable: false });
      if (slot.device.isDead && (isAtOnce || nowMs >= slot.backAtMs)) await slot.device.start();
      if (random() < 0.05) slot.device.drop(random());
      const [live] = reachable();
      if (live !== undefined && (isAtOnce || random() < 0.02)) void decideDoubled(slot.device, live, history);
    }
    const [live] = reachable();
    if (live !== undefined) people.restore(live, allDevices(), isAtOnce);
    if (live !== undefined && isAtOnce) rollouts.restore(live);
  };

  while (clock.monotonicMs() < STORM_MS) {
    await disturb();
    await revive(false);
    await virtual.advance(STEP_MS);
    look();
  }
  if (mayRewind) {
    // The last thing that goes wrong: an older copy of the store is put back, or a new one begun.
    history.rewound();
    server.crash({ loseNewest: seed % 8 === 7 ? Number.POSITIVE_INFINITY : 150 });
    server.restart();
  }
  endClone();
  isStormy = false;
  while (clock.monotonicMs() < STORM_MS + CALM_MS) {
    await revive(true);
    await virtual.advance(STEP_MS);
    look();
  }
  let left = await unsettled();
  // A probe that has just ended may have brought a new document: it is a moment away.
  for (let waits = 0; waits < 12 && left.length > 0; waits++) {
    await virtual.advance(STEP_MS);
    left = await unsettled();
  }
  look();
  for (const problem of left) history.fail(problem);
  if (!history.isRewound) {
    await patiently(virtual, history.checkReports(observing));
    for (const live of reachable()) await patiently(virtual, history.checkEvents(live, observer.signal));
  }
  const virtualMs = clock.monotonicMs();
  for (const { current } of coordinators) current?.end();
  for (const { device } of devices) device.kill();
  observer.abort();
  await virtual.advance(60_000);
  await Promise.race([watching, virtual.advance(1)]);
  await history.checkPushed(() => Promise.reject(new Error("nobody pushed it to the device")));
  return { seed, problems: history.problems, traceHash: history.traceHash(), events: history.events, virtualMs };

  /** What is not settled yet, in words. It has been calm for long: everybody has the newest document. */
  async function unsettled(): Promise<readonly string[]> {
    const looks = devices.map(({ device }) => unsettledOf(device).catch((thrown) => MpoError.from(thrown).message));
    const open = await patiently(virtual, rollouts.unsettled(reachable()[0]));
    return [...open, ...(await patiently(virtual, Promise.all(looks))).flatMap((problem) => problem ?? [])];
  }

  async function unsettledOf({ identity, agent, member }: SimulatedDevice): Promise<string | undefined> {
    const snapshot = agent?.snapshot();
    if (snapshot === undefined) return `${identity.device} does not run`;
    if (member.epoch !== keys.epoch) return `${identity.device} trusts epoch ${member.epoch} of ${keys.epoch}`;
    const desired = await newestOf(identity);
    if (desired === undefined) return `${identity.device} has no document`;
    const [{ coordinator, signal = observer.signal } = {}] = reachable();
    await coordinator?.admin.getProfile({ identity, model: SIMULATED_MODEL }, { signal });
    const { applied } = snapshot;
    if (applied !== undefined && compareVersions(applied, desired) === 0) return undefined;
    const told = await coordinator?.admin.getConfig({ identity }, { signal });
    // None of its rungs could be run: the device is right to have gone back, and has said so.
    if (told?.status?.state === "failed") return undefined;
    const ran = applied === undefined ? "nothing" : formatVersion(applied);
    return `${identity.device} runs by ${ran} (${JSON.stringify(snapshot)}); the newest is ${formatVersion(desired)}`;
  }

  async function newestOf(identity: DeviceIdentity): Promise<DocumentVersion | undefined> {
    const entry = await observing.get(BUCKETS.desired, deviceKey(identity));
    if (entry === undefined) return undefined;
    return desiredDocumentCodec.fromBytes(desiredEnvelopeCodec.fromBytes(entry.value).document).version;
  }
}

function keyDigestOf(machineId: string): string {
  return createHash("sha256").update(machineId).digest("hex");
}
