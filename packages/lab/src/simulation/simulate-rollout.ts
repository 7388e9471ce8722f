import { bytesIn, hasCode, MpoError, msIn, type RolloutCommand } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import type { RolloutView } from "@mpo/protocol";
import { drawRollout, type Rule } from "./draw-rollout.ts";
import { RolloutWorld, SIMULATED_TENANT } from "./rollout-world.ts";

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
  /** From the moment in which too many had said that they failed until it was halted; absent: it was not, for that. */
  readonly haltMs?: number;
  /** From the start until the last wave had passed, against what was forecast; absent: it did not get so far. */
  readonly tookMs?: number;
  readonly expectedMs?: number;
  /** Nothing went wrong that a forecast does not know of. */
  readonly isForecastable: boolean;
  /** Devices that do not fit, as was foretold. */
  readonly unfit: number;
}

export interface RolloutSimulation {
  readonly seed: number;
  /** Default: some, as the seed says. */
  readonly devices?: number;
  /** Nothing misbehaves but devices. Default: as the seed says. */
  readonly isCalm?: boolean;
}

const STEP_MS = 1_000;
/** Everybody has joined, reported and got a document by then. */
const JOIN_MS = 30 * 60_000;
const STORM_MS = 15 * 60_000;
const LONGEST_MS = 4 * 3_600_000;
/** Reports that were on their way, and devices that come back, still count. */
const LATE_MS = 3 * 60_000;
const AT_REST = ["completed", "stopped", "rolled-back"];
/** A step each second, by an index that follows the store. */
const HALT_MS = 2_500;
/** What a rollout is expected to be off by at most. */
const FORECAST_ERROR = 0.25;
/** Of a light device, by the coordinator's policy. */
const POLICY = { memoryBytes: 0.75 * 2 ** 30 - 300_000_000, windowMs: 600_000 };

/**
 * Runs a rollout over light devices in virtual time: the product's two coordinators, which are killed now and then, over a
 * store, a bus and a network that misbehave while a storm lasts. What must hold is looked at with every stored write;
 * afterwards it is calm, and the rollout must have come to rest.
 */
export async function simulateRollout({ seed, ...options }: RolloutSimulation): Promise<RolloutResult> {
  const source = createRandom(seed);
  const random = (): number => source.uniform();
  const isCalm = options.isCalm ?? seed % 5 === 0;
  const { spec, rule, behaviours, ...drawn } = drawRollout(random, { devices: options.devices, isCalm });
  const isForecastable = isCalm && behaviours.every((behaviour) => behaviour === "good");
  const world = new RolloutWorld(behaviours, random);
  const { history, virtual, devices } = world;
  const common = { tenant: SIMULATED_TENANT, name: spec.name, reason: "" };
  await join(world);
  const planned = await world.ask("plan", async ({ coordinator: { rolloutApi }, signal }) => {
    const request = { tenant: SIMULATED_TENANT, spec: JSON.stringify(spec), reason: "" };
    return (await rolloutApi.planRollout(request, { signal })).rollout;
  });
  await tell("start");
  world.isStormy = !isCalm;
  const startedMs = virtual.monotonicMs();
  while (virtual.monotonicMs() - startedMs < LONGEST_MS) {
    if (world.isStormy) world.disturb();
    if (random() < drawn.pushChance) world.pushByHand();
    world.revive();
    await world.advance(STEP_MS);
    if (virtual.monotonicMs() - startedMs > STORM_MS) world.calmDown();
    const { phase, halt, waves = [], wave = 0 } = history.rollout(spec.name)?.record.state ?? {};
    if (phase !== undefined && AT_REST.includes(phase)) break;
    if (waves[wave]?.state === "approval" && phase === "running" && random() < 0.2) await tell("approve");
    if (phase === "halted" && random() < 0.1) await tell(halt === "failed" ? "roll-back" : "next");
    if (phase === "conflicted") await tell("roll-back");
    if (phase === "running" && random() < drawn.pauseChance) await tell("pause");
    if (phase === "paused" && random() < 0.1) await tell("resume");
  }
  world.calmDown();
  await world.advance(LATE_MS);
  const result = figures();
  check();
  const unfit = await checkFits(world, planned, rule);
  const virtualMs = virtual.monotonicMs();
  await world.end();
  const { problems, events } = history;
  return { seed, problems, traceHash: history.traceHash(), events, virtualMs, unfit, ...result };

  /** Says something to the rollout; whoever has heard it twice finds that it makes no sense any more. */
  async function tell(command: RolloutCommand): Promise<void> {
    const said = world.ask(command, ({ coordinator: { rolloutApi }, signal }) =>
      rolloutApi.changeRollout({ ...common, command }, { signal }),
    );
    await said.catch((thrown: unknown) => {
      if (!hasCode(thrown, "precondition-failed")) history.fail(`${command}: ${MpoError.from(thrown).message}`);
    });
  }

  function check(): void {
    const { record, devices: all = new Map() } = history.rollout(spec.name) ?? {};
    const { phase = "unknown", reason = "" } = record?.state ?? {};
    if (!AT_REST.includes(phase)) history.fail(`it is ${phase}, and not at rest: ${record?.waitsFor ?? reason}`);
    else if (!drawn.ends.includes(phase)) history.fail(`it is ${phase} (${reason}), not ${drawn.ends.join(" or ")}`);
    if (all.size !== planned.devices) history.fail(`${all.size} of ${planned.devices} devices are known`);
    const runs = new Map(devices.map(({ identity, document }) => [identity.device, document]));
    history.checkAtRest(spec.name, (device) => runs.get(device));
    const { tookMs = 1, expectedMs = tookMs, haltMs = 0 } = result;
    if (isCalm && haltMs > HALT_MS)
      history.fail(`it was halted only ${Math.round(haltMs)} ms after too many had failed`);
    if (isForecastable && Math.abs(expectedMs / tookMs - 1) > FORECAST_ERROR)
      history.fail(`it took ${Math.round(tookMs / 1000)} s; ${Math.round(expectedMs / 1000)} s were forecast`);
  }

  function figures(): Omit<RolloutResult, "seed" | "problems" | "traceHash" | "events" | "virtualMs" | "unfit"> {
    const seen = history.rollout(spec.name);
    const counts: Record<string, number> = {};
    for (const { state } of seen?.devices.values() ?? []) counts[state] = (counts[state] ?? 0) + 1;
    const { saidAtMs = Number.POSITIVE_INFINITY, haltedAtMs = 0, finishedAtMs } = seen ?? {};
    return {
      ...{ phase: seen?.record.state.phase ?? "unknown", counts, isForecastable },
      // It may have been halted before, by something else.
      ...(saidAtMs > haltedAtMs ? {} : { haltMs: haltedAtMs - saidAtMs }),
      ...(finishedAtMs === undefined ? {} : { tookMs: finishedAtMs - startedMs }),
      ...(planned.forecast === undefined ? {} : { expectedMs: planned.forecast.expectedMs }),
    };
  }
}

/** Until all devices run by a first document, which a window has confirmed. */
async function join({ virtual, devices, history }: RolloutWorld): Promise<void> {
  const isThere = (): boolean => devices.every(({ isSettled }) => isSettled);
  while (virtual.monotonicMs() < JOIN_MS && !isThere()) await virtual.advance(STEP_MS);
  if (!isThere()) history.fail("not all devices run by a first document");
}

/** Devices of which it was foretold that they do not fit are those for which a search of their own finds nothing. */
async function checkFits(world: RolloutWorld, planned: RolloutView, rule: Rule): Promise<number> {
  const { devices, history } = world;
  const foretold = planned.leftOut.filter(({ cause }) => cause === "does-not-fit").map(({ device }) => device);
  const budget = {
    memoryBytes: bytesIn(rule.memory ?? "") ?? POLICY.memoryBytes,
    windowMs: msIn(rule.window ?? "") ?? POLICY.windowMs,
  };
  for (const { identity } of devices) {
    const fits = await world
      .ask("search", ({ coordinator: { admin }, signal }) =>
        admin.pushConfig({ identity, model: "tiny", budget, reason: "" }, { signal }),
      )
      .then(
        () => true,
        (thrown: unknown) => !hasCode(thrown, "over-budget"),
      );
    if (fits === foretold.includes(identity.device))
      history.fail(`${identity.device} ${fits ? "fits" : "does not fit"}, and was foretold otherwise`);
  }
  return foretold.length;
}
