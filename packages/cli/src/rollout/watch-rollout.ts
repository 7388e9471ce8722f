import { FINAL_PHASES, MpoError } from "@mpo/core";
import { type Clock, systemClock } from "@mpo/io";
import type { RolloutView } from "@mpo/protocol";
import { isTransient } from "@mpo/runtime";
import { Option } from "commander";
import type { Output } from "../command-context.ts";
import type { AdminSession } from "../fleet/with-admin.ts";
import { durationInMs } from "../options/parsers.ts";
import { changesBetween } from "./rollout-changes.ts";
import { rolloutExitCode } from "./rollout-outcome.ts";
import { statusLines } from "./status-tables.ts";

const POLL_MS = 1_000;
/** Back to the first line of the screen, and everything below it away. */
const CLEAR_SCREEN = "\u001B[H\u001B[J";

/** A rollout, and the coordinator's clock when it said so. */
export interface SeenRollout {
  readonly rollout: RolloutView;
  readonly serverTimeMs: number;
}

export interface WatchOptions {
  readonly tenant: string;
  readonly name: string;
  /** Shows it until it is over; otherwise only what changes. */
  readonly isWatched: boolean;
  /** Ends when it waits for a person too, and after so long whatever it does; absent: only when it is over. */
  readonly waitMs?: number | undefined;
}

/** `--wait`: for so long at most; without a duration, for as long as a rollout waits for devices that are away. */
export function waitOption(): Option {
  const description = "wait until all waves have passed, or until it halts or ends otherwise; for so long at most";
  return new Option("--wait [duration]", description).argParser(durationInMs).preset("7d");
}

/** Shows how a rollout goes, until there is no more to wait for. Resolves with how it stands then. */
export async function watchRollout(
  { tenant, name, isWatched, waitMs }: WatchOptions,
  { admin, call, terminal }: AdminSession & Output,
  clock: Clock = systemClock,
): Promise<SeenRollout> {
  const began = clock.monotonicMs();
  const isDrawn = isWatched && terminal.stdout.isTTY === true && !terminal.json;
  const show = isWatched ? terminal.line : terminal.note;
  let last: SeenRollout | undefined;
  const look = async (): Promise<SeenRollout | undefined> => {
    try {
      return await admin.getRollout({ tenant, name }, call);
    } catch (thrown) {
      // A coordinator that starts again, or another one, knows the rollout as well.
      if (last === undefined || !isTransient(thrown) || call.signal.aborted) throw thrown;
      terminal.note(`the coordinator does not answer: ${MpoError.from(thrown).message}`);
      return undefined;
    }
  };
  const report = ({ rollout, serverTimeMs }: SeenRollout): void => {
    const changes = changesBetween(last?.rollout, rollout);
    if (isDrawn) terminal.line(`${CLEAR_SCREEN}${statusLines(rollout, serverTimeMs, { terminal }).join("\n")}`);
    else for (const change of changes) show(`${name}: ${change}`);
    if (isWatched && changes.length > 0) terminal.record({ event: "changed", changes, rollout });
  };
  try {
    for (;;) {
      const seen = await look();
      if (seen !== undefined) {
        report(seen);
        last = seen;
      }
      const isLate = waitMs !== undefined && clock.monotonicMs() - began >= waitMs;
      if (last !== undefined && (isLate || isEnd(last.rollout, waitMs))) return last;
      await clock.sleep(POLL_MS, call);
    }
  } catch (thrown) {
    if (call.signal.aborted) terminal.note(`${name} continues; see it with: mpo rollout status ${name}`);
    throw thrown;
  }
}

function isEnd(rollout: RolloutView, waitMs: number | undefined): boolean {
  return waitMs === undefined ? FINAL_PHASES.includes(rollout.phase) : rolloutExitCode(rollout) !== undefined;
}
