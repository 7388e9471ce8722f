import { MpoError } from "@mpo/core";
import { createRandom } from "@mpo/datasets";
import { systemClock } from "@mpo/io";
import type { AdminClient } from "@mpo/transport";
import { FLEET_TENANT } from "../bench/fleet/fleet-messages.ts";
import { identityOf } from "./cluster-history.ts";
import { type LoadNotes, noteFailure } from "./outcomes.ts";

export interface LabelLoad extends LoadNotes {
  readonly admin: AdminClient;
  readonly agents: number;
  /** Devices, from number `agents` on, that are switched off: they are retired one by one. */
  readonly ghosts: number;
  readonly seed: number;
  readonly onWritten: (atMs: number) => void;
}

const LABEL = "round";
const PAUSE_MS = 700;
/** A retirement for so many labels. */
const RETIRE_EVERY = 10;
/** Coordinators hear of what another wrote by their watches. */
const KNOWN_WITHIN_MS = 20_000;
const LOOK_MS = 200;
const PAGE = 500;

/** Labels devices and retires others, and looks whether what was acknowledged stays. */
export class LabelledDevices {
  readonly #load: LabelLoad;
  /** Of each device, the label that was acknowledged last, and those since that may be there too. */
  readonly #labels = new Map<number, { acknowledged: string | undefined; readonly maybe: Set<string> }>();
  readonly #retired = new Set<number>();

  constructor(load: LabelLoad) {
    this.#load = load;
  }

  get retired(): number {
    return this.#retired.size;
  }

  async run(): Promise<void> {
    const { seed, agents, ghosts, signal } = this.#load;
    const random = createRandom(seed);
    for (let count = 1; !signal.aborted; count++) {
      if (count % RETIRE_EVERY === 0 && this.#retired.size < ghosts) await this.#retire(agents + this.#retired.size);
      else await this.#label(random.integer(agents), String(count));
      await systemClock.sleep(2 * PAUSE_MS * random.uniform(), { signal }).catch(() => undefined);
    }
  }

  /** Waits until a coordinator says all that was acknowledged before. */
  async check(admin: AdminClient, name: string, signal: AbortSignal): Promise<void> {
    const expected = [...this.#labels].flatMap(([device, { acknowledged, maybe }]) =>
      acknowledged === undefined ? [] : [{ device, allowed: [acknowledged, ...maybe] }],
    );
    const retired = [...this.#retired];
    const endMs = systemClock.monotonicMs() + KNOWN_WITHIN_MS;
    for (;;) {
      const wrong = await this.#wrong(admin, { expected, retired }, signal).catch((thrown: unknown) => {
        signal.throwIfAborted();
        return [MpoError.from(thrown).message];
      });
      if (wrong.length === 0) return;
      if (systemClock.monotonicMs() > endMs) {
        for (const problem of wrong) this.#load.history.fail(`${name}: ${problem}`);
        return;
      }
      await systemClock.sleep(LOOK_MS, { signal });
    }
  }

  async #wrong(
    admin: AdminClient,
    { expected, retired }: { expected: readonly { device: number; allowed: readonly string[] }[]; retired: number[] },
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const labels = new Map<string, string | undefined>();
    let pageToken: string | undefined;
    do {
      const page = { tenant: FLEET_TENANT, pageSize: PAGE, ...(pageToken && { pageToken }) };
      const { devices, nextPageToken } = await admin.listDevices(page, { signal });
      for (const one of devices) {
        labels.set(one.identity.device, one.labels.find(({ name }) => name === LABEL)?.value);
      }
      pageToken = nextPageToken;
    } while (pageToken !== undefined && pageToken !== "");
    const wrongLabels = expected.flatMap(({ device, allowed }) => {
      // What was acknowledged since it was asked may be there already.
      const { acknowledged, maybe } = this.#of(device);
      const found = labels.get(identityOf(device).device);
      const isRight = found !== undefined && [...allowed, acknowledged, ...maybe].includes(found);
      return isRight ? [] : [`${identityOf(device).device} has label ${found}; expected ${allowed.join(" or ")}`];
    });
    const back = retired.filter((device) => labels.has(identityOf(device).device));
    return [...wrongLabels, ...back.map((device) => `${identityOf(device).device} was retired, and is in the list`)];
  }

  async #label(device: number, value: string): Promise<void> {
    const { admin, onWritten, signal } = this.#load;
    const known = this.#of(device);
    known.maybe.add(value);
    const labels = [{ name: LABEL, value }];
    await admin.labelDevice({ identity: identityOf(device), labels, removed: [] }, { signal }).then(
      () => {
        // What was unknown before may still come: it stays among what may be there.
        known.acknowledged = value;
        known.maybe.delete(value);
        onWritten(systemClock.monotonicMs());
      },
      (thrown: unknown) => noteFailure(this.#load, "label", thrown),
    );
  }

  async #retire(device: number): Promise<void> {
    const { admin, onWritten, signal } = this.#load;
    const asking = admin.retireDevice({ identity: identityOf(device), reason: "it is gone" }, { signal });
    await asking.then(
      () => {
        this.#retired.add(device);
        onWritten(systemClock.monotonicMs());
      },
      (thrown: unknown) => noteFailure(this.#load, "retirement", thrown),
    );
  }

  #of(device: number): { acknowledged: string | undefined; readonly maybe: Set<string> } {
    const found = this.#labels.get(device) ?? { acknowledged: undefined, maybe: new Set<string>() };
    this.#labels.set(device, found);
    return found;
  }
}
