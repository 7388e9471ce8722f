import { execFile } from "node:child_process";
import { cp, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { createRandom, deriveSeed } from "@mpo/datasets";
import { compareVersions, type DeviceView } from "@mpo/protocol";
import type { FleetPromises } from "../promises/fleet-promises.ts";
import type { KilledAgent, KillFleet } from "./kill-fleet.ts";

/** Where a fault happens. */
export interface Scene {
  readonly fleet: KillFleet;
  /** Whom it hits, when it does not hit the store. */
  readonly agent: KilledAgent;
  readonly history: FleetPromises;
  /** From 0 up to 1. */
  readonly pick: number;
}

/** What `mpo devices list` is answered; undefined: the coordinator does not answer. */
export type Listed = readonly DeviceView[] | undefined;

/** Something dull that happens to a fleet. */
interface Fault {
  readonly name: string;
  /** It hits the agent on the small disk; absent: another one. */
  readonly isOnSmallDisk?: true;
  readonly start: (scene: Scene) => Promise<void>;
  readonly end: (scene: Scene) => Promise<void>;
  /** An agent that is killed may be unable to start on such a folder. */
  readonly mayEnd?: true;
  /** Whether the list of devices shows it. */
  readonly expectInList: (listed: Listed, scene: Scene) => boolean;
}

const run = promisify(execFile);
const YEAR_MS = 365 * 86_400_000;
const nothing = (): Promise<void> => Promise.resolve();

const replaced =
  (fill: (scene: Scene) => Promise<void>) =>
  async (scene: Scene): Promise<void> => {
    const { fleet, history } = scene;
    await fleet.stopStore();
    history.storeReplaced();
    await rm(fleet.storeFolder, { recursive: true, force: true });
    await fill(scene);
    fleet.startStore();
  };
/** Shown from when the store is away until each device has reported again. */
const isForgetful = (listed: Listed, { fleet, history }: Scene): boolean =>
  listed === undefined ||
  fleet.agents.some(({ identity: { device } }) => {
    const view = listed.find(({ identity }) => identity.device === device);
    const told = view?.reportedStatus?.version;
    const applied = history.newestApplied(device);
    // What a device takes and gives up within a moment is told, and not seen here as applied.
    return view?.desiredVersion === undefined || !told || (applied !== undefined && compareVersions(told, applied) < 0);
  });
const viewOf = (listed: Listed, { agent }: Scene): DeviceView | undefined =>
  listed?.find(({ identity }) => identity.device === agent.identity.device);
/** As a condition, or because the agent cannot start. */
const isUnwritable = (listed: Listed, scene: Scene): boolean => {
  const view = viewOf(listed, scene);
  const cannotStart = view?.presence === "offline" && scene.agent.reports === undefined;
  return cannotStart || hasCondition(view, "not-writable");
};
const hasCondition = (view: DeviceView | undefined, code: string, words = /./u): boolean =>
  view?.conditions.some((one) => one.code === code && words.test(one.message)) ?? false;

export const FAULTS: readonly Fault[] = [
  { name: "store deleted", start: replaced(nothing), end: nothing, expectInList: isForgetful },
  {
    name: "store restored from an older copy",
    start: replaced(({ fleet }) => cp(fleet.backupFolder, fleet.storeFolder, { recursive: true })),
    end: nothing,
    expectInList: isForgetful,
  },
  {
    name: "log readers killed",
    start: async ({ fleet, agent }) => {
      await fleet.coordinators[0]?.killReader();
      await agent.process.killReader();
    },
    end: async ({ fleet, agent }) => {
      fleet.coordinators[0]?.returnReader();
      agent.process.returnReader();
      // A pipe without a reader stays one.
      await agent.process.stop();
      agent.process.start();
    },
    expectInList: (listed, scene) => hasCondition(viewOf(listed, scene), "log-not-written"),
  },
  {
    name: "disk full",
    isOnSmallDisk: true,
    mayEnd: true,
    start: async ({ fleet }) => {
      const file = await open(join(fleet.smallDisk, "fill"), "w");
      try {
        for (;;) await file.write(Buffer.alloc(4096));
      } catch {
        // It is full now.
      } finally {
        await file.close();
      }
    },
    end: ({ fleet }) => rm(join(fleet.smallDisk, "fill"), { force: true }),
    expectInList: isUnwritable,
  },
  {
    name: "clone started",
    start: ({ fleet, agent }) => fleet.startClone(agent),
    end: ({ fleet }) => fleet.endClone(),
    expectInList: (listed, scene) => hasCondition(viewOf(listed, scene), "doubled"),
  },
  {
    name: "clock moved by years",
    start: ({ agent, pick }) => writeFile(agent.clockFile, String(Math.round((pick < 0.5 ? -20 : 40) * YEAR_MS))),
    end: ({ agent }) => rm(agent.clockFile, { force: true }),
    // These agents' clocks run fast: by seconds they are always wrong.
    expectInList: (listed, scene) => hasCondition(viewOf(listed, scene), "clock-wrong", /\d{8,} s /u),
  },
  {
    name: "folder read-only",
    mayEnd: true,
    start: ({ agent }) => setWritable(agent, false),
    end: ({ agent }) => setWritable(agent, true),
    expectInList: isUnwritable,
  },
];

/** A fault that is drawn: which, and where. */
export interface FaultDraw {
  readonly fault: Fault;
  readonly pick: number;
}

/** The faults of a seed, equal for equal seeds: all kinds in some order, again and again. */
export function faultSchedule(seed: number, count: number, faults: readonly Fault[] = FAULTS): readonly FaultDraw[] {
  const source = createRandom(deriveSeed(seed, 1));
  const draws: FaultDraw[] = [];
  while (draws.length < count) {
    const left = [...faults];
    while (left.length > 0) {
      const [fault] = left.splice(Math.floor(source.uniform() * left.length), 1);
      if (fault !== undefined) draws.push({ fault, pick: source.uniform() });
    }
  }
  return draws.slice(0, count);
}

/** For root, a mode says nothing. */
async function setWritable({ dataFolder }: KilledAgent, isWritable: boolean): Promise<void> {
  const state = join(dataFolder, "state");
  if (process.getuid?.() === 0) await run("chattr", ["-R", isWritable ? "-i" : "+i", state]);
  else await run("chmod", ["-R", isWritable ? "u+w" : "a-w", state]);
}
