import { changesBetween, createTable, DEVICE_HEAD, deviceCells, statusLines } from "@mpo/cli";
import { describeRung, FINAL_PHASES, formatBytes, type Prediction } from "@mpo/core";
import { systemClock, withDeadline } from "@mpo/io";
import type { DesiredDocument, RolloutDevice, RolloutView } from "@mpo/protocol";
import { type Demo, PATIENCE_MS, TENANT } from "./demo.ts";
import type { DemoDevice } from "./demo-devices.ts";
import { DEMO_MODEL } from "./fleet-room.ts";

const NAME = "memory-budget";
/** Of a step, on every device. */
const BUDGET = "24MiB";
const POLL_MS = 500;
/** Less than an idle worker takes. */
const OWNER_ALLOWS = "200 MiB";

/**
 * One change for the whole fleet, a different configuration for each device, in two waves: the first device checks its
 * own and passes; of the second wave, the owner of the first device does not allow it. The rollout takes itself back.
 */
export async function runRollout(devices: readonly DemoDevice[], demo: Demo): Promise<void> {
  const { context, room, admin, note } = demo;
  const { terminal, signal } = context;
  const [canary] = devices;
  if (canary === undefined || devices.length < 2) return note("a rollout has two waves: it needs two devices");
  const before = await documentsOf(devices, demo);
  note(
    `a person plans a rollout: a step may take ${BUDGET} on each device, which gets what is best for it within that`,
  );
  const spec = JSON.stringify(fileOf(canary));
  const { rollout: planned } = await admin.planRollout({ tenant: TENANT, spec, reason: "" }, { signal });
  const members = await membersOf(demo);
  terminal.record({ event: "rollout", step: "planned", rollout: planned, devices: members });
  terminal.line(
    `Planned, and nothing is changed yet: what rollout ${NAME} gives each device, and the memory of a step`,
  );
  for (const { device, wave, config, memoryBytes = 0 } of members) {
    const now = formatBytes(rungOf(before.get(device))?.memoryBytes.upper ?? 0);
    const most = `up to ${formatBytes(memoryBytes)}; now up to ${now}`;
    terminal.line(`  wave ${wave + 1}: ${device} gets ${config} (${most})`);
  }
  await say("start", "trying it out", demo);
  const waiting = await follow("approval", planned, ({ waves }) => waves[1]?.state === "approval", demo);
  const bad = devices.find(({ name }) => name === members.find(({ wave }) => wave === 1)?.device);
  if (bad !== undefined) {
    note(`${bad.name}: its owner needs the memory, and writes {"memory": "${OWNER_ALLOWS}"} into limits.json`);
    await room.writeLimits(bad, { memory: OWNER_ALLOWS });
    await untilLimited(bad, demo);
  }
  note("a person has looked at wave 1, and approves wave 2");
  await say("approve", "the first one looks well", demo);
  await follow("over", waiting, () => false, demo);
  const after = await documentsOf(devices, demo);
  for (const { name } of devices) {
    const [had, has] = [before.get(name), after.get(name)];
    const hasWhatItHad = JSON.stringify(had?.rungs) === JSON.stringify(has?.rungs);
    terminal.record({ event: "rollout-device", device: name, before: had?.version, now: has?.version, hasWhatItHad });
    const rung = rungOf(has);
    const config = rung === undefined ? "nothing" : describeRung(rung);
    terminal.line(`${name} has ${hasWhatItHad ? "what it had" : "something else than it had"}: ${config}`);
  }
  // With --keep, others will be tried.
  if (bad !== undefined) await room.writeLimits(bad, {});
}

/** As a rollout's YAML file would say it. */
function fileOf(canary: DemoDevice): object {
  return {
    name: NAME,
    model: DEMO_MODEL,
    change: { rule: { memory: BUDGET } },
    waves: [{ where: `name = ${canary.name}` }, { percent: "100%", approval: "manual" }],
    disruption: { maxUnavailable: 1 },
    timeouts: { device: "2min" },
  };
}

async function say(command: "start" | "approve", reason: string, { admin, context }: Demo): Promise<void> {
  await admin.changeRollout({ tenant: TENANT, name: NAME, command, reason }, context);
}

/** Notes what changes until a rollout is as far as that, or over; then shows where it stands, as `mpo rollout status`. */
async function follow(
  step: string,
  from: RolloutView,
  isThere: (rollout: RolloutView) => boolean,
  demo: Demo,
): Promise<RolloutView> {
  const { admin, context, room, note } = demo;
  const { terminal } = context;
  let last = from;
  const following = withDeadline(
    `rollout ${NAME}`,
    2 * PATIENCE_MS,
    async (signal) => {
      for (;;) {
        const seen = await admin.getRollout({ tenant: TENANT, name: NAME }, { signal });
        for (const change of changesBetween(last, seen.rollout)) note(`rollout ${NAME}: ${change}`);
        last = seen.rollout;
        if (isThere(last) || FINAL_PHASES.includes(last.phase)) return seen;
        await systemClock.sleep(POLL_MS, { signal });
      }
    },
    context,
  );
  const { rollout, serverTimeMs } = await Promise.race([following, room.failed]);
  const members = await membersOf(demo);
  terminal.record({ event: "rollout", step, rollout, devices: members });
  for (const line of statusLines(rollout, serverTimeMs, context)) terminal.line(line);
  if (!FINAL_PHASES.includes(rollout.phase)) return rollout;
  const table = createTable(terminal, DEVICE_HEAD);
  table.push(...members.map((member) => deviceCells(member, serverTimeMs)));
  terminal.line(table.toString());
  return rollout;
}

/** In the order of their turn. */
async function membersOf({ admin, context: { signal } }: Demo): Promise<readonly RolloutDevice[]> {
  const { devices } = await admin.listRolloutDevices({ tenant: TENANT, name: NAME, pageSize: 10 }, { signal });
  return devices;
}

/** Waits until the agent goes by its owner's limits, and has said so. */
async function untilLimited({ name }: DemoDevice, { admin, context, room }: Demo): Promise<void> {
  const limited = withDeadline(
    `${name}'s look at its limits`,
    PATIENCE_MS,
    async (signal) => {
      const identity = { tenant: TENANT, device: name };
      while ((await admin.getDevice({ identity }, { signal })).device.inventory.ownerLimits === undefined)
        await systemClock.sleep(POLL_MS, { signal });
    },
    context,
  );
  await Promise.race([limited, room.failed]);
}

async function documentsOf(
  devices: readonly DemoDevice[],
  { admin, context: { signal } }: Demo,
): Promise<ReadonlyMap<string, DesiredDocument>> {
  const found = devices.map(async ({ name }) => {
    const { document } = await admin.explainConfig({ identity: { tenant: TENANT, device: name } }, { signal });
    return [name, document] as const;
  });
  return new Map(await Promise.all(found));
}

function rungOf(document: DesiredDocument | undefined): Prediction | undefined {
  return document?.rungs[document.chosenRung];
}
