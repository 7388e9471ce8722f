import { hasCode } from "@mpo/core";
import { createRandom, type Random } from "@mpo/datasets";
import { systemClock } from "@mpo/io";
import type { AdminClient } from "@mpo/transport";
import { FLEET_MODEL } from "../bench/fleet/fleet-messages.ts";
import { contentOf, identityOf, placeOf } from "./cluster-history.ts";
import { type LoadNotes, noteFailure } from "./outcomes.ts";

/** A push that was answered. */
export interface AnsweredPush {
  readonly device: number;
  readonly version: number;
  /** By the wall clock. */
  readonly issuedAtMs: number;
  /** By the monotonic clock. */
  readonly madeMs: number;
  readonly answeredMs: number;
}

export interface DocumentLoad extends LoadNotes {
  /** As many as call at once. */
  readonly operators: readonly AdminClient[];
  readonly agents: number;
  /** Devices that get most of the pushes, so that operators meet on them. */
  readonly busy: readonly number[];
  readonly mayPush: (device: number) => boolean;
  readonly seed: number;
  readonly onPushed: (push: AnsweredPush) => void;
}

const OF_BUSY = 0.5;
/** Of one operator, from an answer to the next call. */
const PAUSE_MS = 600;

/** Operators who read and push documents, half of the time only where nobody else came first, until the signal aborts. */
export async function pushDocuments(load: DocumentLoad): Promise<void> {
  await Promise.all(load.operators.map((admin, index) => operate(load, admin, index)));
}

async function operate(load: DocumentLoad, admin: AdminClient, index: number): Promise<void> {
  const { agents, busy, mayPush, signal } = load;
  const random = createRandom(load.seed + index);
  for (let count = 1; !signal.aborted; count++) {
    const device = random.uniform() < OF_BUSY ? (busy[random.integer(busy.length)] as number) : random.integer(agents);
    const newest = await readDocument(load, admin, device);
    if (!mayPush(device)) {
      // It is the rollout's turn to change it.
    } else if (newest !== undefined && random.uniform() < 0.7) {
      const expected = random.uniform() < 0.5 ? newest : undefined;
      await push(load, admin, { device, mark: `operator ${index}, push ${count}`, expected });
    } else if (random.uniform() < 0.3) await askToProbe(load, admin, device);
    await pause(random, signal);
  }
}

/** A device's newest version; undefined: the call was not answered. */
export async function readDocument(load: LoadNotes, admin: AdminClient, device: number): Promise<number | undefined> {
  const { history, signal } = load;
  const identity = identityOf(device);
  const madeMs = systemClock.monotonicMs();
  try {
    const { document } = await admin.getConfig({ identity }, { signal });
    const place = placeOf(document);
    history.of(identity.device).read({ madeMs, answeredMs: systemClock.monotonicMs() }, place, contentOf(document));
    return place;
  } catch (thrown) {
    noteFailure(load, "read of a document", thrown);
    return undefined;
  }
}

async function push(
  load: DocumentLoad,
  admin: AdminClient,
  { device, mark, expected }: { readonly device: number; readonly mark: string; readonly expected: number | undefined },
): Promise<void> {
  const { history, signal, onPushed } = load;
  const identity = identityOf(device);
  const expectedVersion = expected === undefined ? undefined : { epoch: 1, version: expected };
  const madeMs = systemClock.monotonicMs();
  try {
    const { document } = await admin.pushConfig(
      { identity, model: FLEET_MODEL, reason: mark, ...(expectedVersion && { expectedVersion }) },
      { signal },
    );
    const answeredMs = systemClock.monotonicMs();
    const version = placeOf(document);
    history.of(identity.device).written({ madeMs, answeredMs }, version, contentOf(document), expected);
    onPushed({ device, version, issuedAtMs: document.issuedAtMs, madeMs, answeredMs });
  } catch (thrown) {
    if (hasCode(thrown, "conflict")) history.of(identity.device).refused(mark);
    else noteFailure(load, "push", thrown);
  }
}

/** Its new profile is reported, which makes a new document. */
async function askToProbe(load: DocumentLoad, admin: AdminClient, device: number): Promise<void> {
  const asking = admin.probeDevice({ identity: identityOf(device) }, { signal: load.signal });
  await asking.catch((thrown: unknown) => noteFailure(load, "request to probe", thrown));
}

async function pause(random: Random, signal: AbortSignal): Promise<void> {
  await systemClock.sleep(2 * PAUSE_MS * random.uniform(), { signal }).catch(() => undefined);
}
