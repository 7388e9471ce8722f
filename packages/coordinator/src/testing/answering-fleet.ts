import type { DesiredDocument, HelloRequest } from "@mpo/protocol";
import type { Coordinator } from "../coordinator.ts";
import { CALL, documentReport, helloOf, identityOf, reportOf } from "./tiny-fleet.ts";

/** What a device makes of a document: the states that it reports, in turn. */
export type Answer = readonly ("applied" | "confirmed" | "failed" | "refused")[];

export interface AnsweringOptions {
  readonly coordinator: () => Coordinator;
  /** Default: it is applied and confirmed. */
  readonly answer?: (device: string, document: DesiredDocument) => Answer;
}

const WELL: Answer = ["applied", "confirmed"];

/** Devices that take their documents as real ones do: the newest only, each once. */
export class AnsweringFleet {
  readonly #options: AnsweringOptions;
  readonly #sequences = new Map<string, number>();
  readonly #taken = new Map<string, number>();
  /** Documents of rollouts that each device has taken, by what they answer. */
  readonly requests = new Map<string, string[]>();

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  /** They say hello, and report a profile; returns when each has its first document, and has confirmed it. */
  async join(devices: readonly string[], changes: Partial<HelloRequest> = {}): Promise<void> {
    for (const device of devices) {
      const { fleet } = this.#options.coordinator();
      await fleet.hello(helloOf(device, changes), CALL);
      await fleet.reportProfile(reportOf(device, `r-${device}`), CALL);
      this.#taken.set(device, 0);
    }
    while ([...this.#taken.values()].includes(0)) {
      await this.look();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** A device that goes on under another name. */
  rename(device: string, name: string): void {
    for (const facts of [this.#taken, this.#sequences]) {
      facts.set(name, facts.get(device) ?? 0);
      facts.delete(device);
    }
  }

  /** Each device takes its newest document, if that is new to it. */
  async look(): Promise<void> {
    const coordinator = this.#options.coordinator();
    for (const [device, taken] of this.#taken) {
      const identity = identityOf(device);
      const found = await coordinator.admin.getConfig({ identity }, CALL).catch(() => undefined);
      const document = found?.document;
      if (document === undefined || document.version.version <= taken) continue;
      this.#taken.set(device, document.version.version);
      const requests = this.requests.get(device) ?? [];
      this.requests.set(device, [...requests, document.request]);
      for (const state of this.#options.answer?.(device, document) ?? WELL) {
        const sequence = (this.#sequences.get(device) ?? 0) + 1;
        this.#sequences.set(device, sequence);
        await coordinator.fleet.reportStatus(documentReport(device, sequence, document.version.version, state), CALL);
      }
    }
  }

  /** Looks again and again until something is so. The test's own timeout is the limit. */
  async until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
    for (;;) {
      await this.look();
      const found = await look();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
