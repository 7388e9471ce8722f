import { createHash } from "node:crypto";
import { type DesiredDocument, type DeviceIdentity, desiredDocumentCodec } from "@mpo/protocol";
import { deviceName, FLEET_MODEL, FLEET_TENANT, type FromDriver } from "../bench/fleet/fleet-messages.ts";
import { FleetPromises } from "../promises/fleet-promises.ts";
import { type Content, KeyHistory } from "./key-history.ts";

/** Keys come from one epoch: nobody changes the fleet's keys here. */
const EPOCH = 1;

export function identityOf(device: number): DeviceIdentity {
  return { tenant: FLEET_TENANT, device: deviceName(device) };
}

/** All that was seen of a fleet over a cluster, from outside and in the store. */
export class ClusterHistory extends FleetPromises {
  readonly #keys = new Map<string, KeyHistory>();

  /** What is known of one key: a register's name, or a device's. */
  of(name: string): KeyHistory {
    const found = this.#keys.get(name) ?? new KeyHistory(name);
    this.#keys.set(name, found);
    return found;
  }

  /** Answered calls on all keys. */
  get calls(): number {
    return [...this.#keys.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** What agents have said, in each one's order. */
  hear({ applied, acknowledged }: Pick<FromDriver, "applied" | "acknowledged">): void {
    for (const { device, version } of applied) this.applied(identityOf(device), { epoch: EPOCH, version }, false);
    for (const { device, report, measuredAtMs } of acknowledged) {
      this.acknowledged(identityOf(device), FLEET_MODEL, report, measuredAtMs);
    }
  }

  /** Everything that does not hold, by now. */
  anomalies(): readonly string[] {
    return [...this.problems, ...[...this.#keys.values()].flatMap((key) => key.check())];
  }

  protected override stored(document: DesiredDocument, revision: number): void {
    super.stored(document, revision);
    this.of(document.device).seen(placeOf(document), contentOf(document));
  }
}

export function placeOf({ version }: Pick<DesiredDocument, "version">): number {
  return version.version;
}

/** A document, and the mark of the push that asked for it. */
export function contentOf(document: DesiredDocument): Content {
  const digest = createHash("sha256").update(desiredDocumentCodec.toBytes(document)).digest("hex");
  return { digest, mark: document.reasons.find(({ code }) => code === "asked")?.text };
}
