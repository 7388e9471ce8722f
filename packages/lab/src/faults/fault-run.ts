import { MpoError } from "@mpo/core";
import { systemClock } from "@mpo/io";
import type { AdminClient } from "@mpo/transport";
import type { FaultDraw, Listed, Scene } from "./fault-draws.ts";

/** What was seen of the faults of one kind. */
export interface FaultFigures {
  readonly name: string;
  /** Milliseconds from its end until everybody was well again and the list showed nothing of it; one each time. */
  readonly recoveredMs: number[];
  /** How often the list of devices showed it. */
  seen: number;
}

/** As long as it may take to show in a list that is answered; it lasts no longer than this. */
const SEEN_MS = 45_000;
/** It lasts at least so long, in the middle of kills. */
const LASTS_MS = 4_000;
/** What takes longer to come right is stuck. */
export const STUCK_MS = 300_000;
const LOOK_MS = 50;

/** Lets a fault happen, and looks whether the list of devices shows it while it lasts. */
export async function runFault(
  { fault }: FaultDraw,
  scene: Scene,
  admin: AdminClient,
  signal: AbortSignal,
): Promise<boolean> {
  const { start, end, expectInList } = fault;
  const beganMs = systemClock.monotonicMs();
  let isSeen = false;
  /** Kills may keep the coordinator away longer than the fault has to show. */
  let answersSinceMs = beganMs;
  const ownEnds = scene.agent.process.ownEnds;
  const started = start(scene);
  try {
    for (;;) {
      const listed = await list(admin, scene);
      const nowMs = systemClock.monotonicMs();
      if (listed === undefined) answersSinceMs = nowMs;
      if (expectInList(listed, scene)) isSeen = true;
      if (isSeen ? nowMs - beganMs > LASTS_MS : nowMs - answersSinceMs > SEEN_MS) break;
      await systemClock.sleep(LOOK_MS, { signal });
    }
  } finally {
    await started;
    await end(scene);
  }
  if (fault.mayEnd !== true && scene.agent.process.ownEnds > ownEnds) {
    throw new MpoError("internal", `${scene.agent.identity.device} ended by itself: ${fault.name}`);
  }
  return isSeen;
}

/** Waits until the list of devices shows nothing of it. */
export async function untilOver(
  { fault }: FaultDraw,
  scene: Scene,
  admin: AdminClient,
  signal: AbortSignal,
): Promise<void> {
  const endMs = systemClock.monotonicMs() + STUCK_MS;
  while (fault.expectInList(await list(admin, scene), scene)) {
    if (systemClock.monotonicMs() > endMs) throw new MpoError("timed-out", `${fault.name} is still in the list`);
    await systemClock.sleep(LOOK_MS, { signal });
  }
}

/** A line for each kind. */
export function faultTable(figures: readonly FaultFigures[]): readonly string[] {
  const seconds = (ms: number | undefined): string => (ms === undefined ? "-" : (ms / 1000).toFixed(1)).padStart(8);
  return [
    `${"draw".padEnd(40)} times   median s    max s   seen in list`,
    ...figures.map(({ name, recoveredMs, seen }) => {
      const sorted = recoveredMs.toSorted((a, b) => a - b);
      const median = seconds(sorted[Math.floor(sorted.length / 2)]);
      const times = String(sorted.length).padStart(5);
      return `${name.padEnd(40)} ${times}   ${median} ${seconds(sorted.at(-1))}   ${seen} of ${sorted.length}`;
    }),
  ];
}

/** As `mpo devices list` asks. */
async function list(admin: AdminClient, { agent }: Scene): Promise<Listed> {
  const { tenant } = agent.identity;
  return await admin.listDevices({ tenant, pageSize: 100 }).then(
    ({ devices }) => devices,
    () => undefined,
  );
}
