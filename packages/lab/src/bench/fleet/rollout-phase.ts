import { hasCode, MpoError, SECOND_MS } from "@mpo/core";
import { linkSignals, systemClock } from "@mpo/io";
import { desiredDocumentCodec, desiredEnvelopeCodec, type RolloutView } from "@mpo/protocol";
import { type AdminClient, BUCKETS, FLEET_LAYOUT, type NatsLink, openExistingStore } from "@mpo/transport";
import { FLEET_MODEL, FLEET_TENANT } from "./fleet-messages.ts";
import type { SimulatedFleet } from "./simulated-fleet.ts";

export interface RolloutPhaseOptions {
  readonly fleet: Pick<SimulatedFleet, "appliedAtMs">;
  readonly admin: AdminClient;
  readonly link: NatsLink;
  readonly agents: number;
  /** Devices that are changed in a second. */
  readonly perSecond: number;
  /** It fails after this long without progress. */
  readonly patienceMs: number;
  readonly onProgress: (done: number) => void;
  readonly signal: AbortSignal;
}

/** How a rollout over all devices went. */
export interface RolloutFigures {
  readonly planSeconds: number;
  readonly expectedSeconds: number;
  /** From the start until it was over. */
  readonly seconds: number;
  readonly phase: string;
  readonly devices: number;
  readonly confirmed: number;
  /** Of each push: from the making of a document to the device's saying that it runs by it. */
  readonly latencies: readonly number[];
}

interface Pushed {
  readonly device: number;
  readonly version: number;
  readonly issuedAtMs: number;
}

const NAME = "bench";
const LOOK_MS = 500;
const PATIENCE_MS = 120_000;
const MINUTE_SECONDS = 60;

/** Plans a rollout over all devices in three waves, runs it, and follows what is pushed for it. */
export async function rolloutPhase(options: RolloutPhaseOptions): Promise<RolloutFigures> {
  const { admin, link, agents, perSecond, fleet } = options;
  using linked = linkSignals(options.signal);
  const { signal } = linked;
  const spec = {
    ...{ name: NAME, model: FLEET_MODEL, change: { rule: { memory: "300MiB" } } },
    waves: [{ count: Math.ceil(agents / 100) }, { percent: "20%" }],
    rate: { perMinute: MINUTE_SECONDS * perSecond },
  };
  const beganMs = performance.now();
  const call = { signal, deadlineMs: PATIENCE_MS };
  const request = { tenant: FLEET_TENANT, spec: JSON.stringify(spec), reason: "bench" };
  const planned = await admin.planRollout(request, call);
  const planSeconds = (performance.now() - beganMs) / SECOND_MS;
  const pushed: Pushed[] = [];
  const watching = watch(link, pushed, signal);
  watching.catch(() => undefined);
  const startedMs = performance.now();
  await admin.changeRollout({ tenant: FLEET_TENANT, name: NAME, command: "start", reason: "bench" }, call);
  const { phase, devices, counts } = await Promise.race([untilOver(options), watching]);
  const seconds = (performance.now() - startedMs) / SECOND_MS;
  linked.abort();
  return {
    ...{ planSeconds, seconds, phase, devices },
    expectedSeconds: (planned.rollout.forecast?.expectedMs ?? 0) / SECOND_MS,
    confirmed: countOf(counts, "confirmed"),
    latencies: pushed.flatMap(({ device, version, issuedAtMs }) => {
      const atMs = fleet.appliedAtMs(device, version);
      return atMs === undefined ? [] : [Math.max(0, atMs - issuedAtMs)];
    }),
  };
}

async function untilOver({ admin, patienceMs, onProgress, signal }: RolloutPhaseOptions): Promise<RolloutView> {
  let done = -1;
  let movedMs = performance.now();
  for (;;) {
    const rollout = await admin.getRollout({ tenant: FLEET_TENANT, name: NAME }, { signal }).then(
      (answer) => answer.rollout,
      (thrown: unknown) => {
        // It takes on no more for now.
        if (!hasCode(thrown, "unavailable", "timed-out")) throw thrown;
        return undefined;
      },
    );
    if (rollout !== undefined) {
      const now = countOf(rollout.counts, "confirmed");
      if (now !== done) movedMs = performance.now();
      done = now;
      onProgress(done);
      if (!["running", "finishing"].includes(rollout.phase)) return rollout;
    }
    if (performance.now() - movedMs > patienceMs)
      throw new MpoError("timed-out", `the rollout does not move: ${rollout?.waitsFor ?? "nobody answers"}`);
    await systemClock.sleep(LOOK_MS, { signal });
  }
}

function countOf(counts: RolloutView["counts"], state: string): number {
  return counts.find((one) => one.state === state)?.devices ?? 0;
}

/** Collects what is pushed for the rollout, until the signal aborts. */
async function watch(link: NatsLink, pushed: Pushed[], signal: AbortSignal): Promise<never> {
  const store = await openExistingStore(link, FLEET_LAYOUT);
  for await (const change of store.watch(BUCKETS.desired, { signal })) {
    if (change.kind !== "put") continue;
    const bytes = desiredEnvelopeCodec.fromBytes(change.entry.value).document;
    const { request, device, version, issuedAtMs } = desiredDocumentCodec.fromBytes(bytes);
    if (!request.startsWith(`rollout ${NAME}/`)) continue;
    pushed.push({ device: Number(device.slice(device.indexOf("-") + 1)), version: version.version, issuedAtMs });
  }
  throw new MpoError("cancelled", "it is not followed any more");
}
