import type { TestContext } from "node:test";
import { helloOf, reportOf, tinyChain } from "@mpo/coordinator/testing";
import { createCsr, createDeviceKey, createDeviceNkey, readJoinString } from "@mpo/identity";
import type { DesiredDocument, DeviceCredentials, HelloRequest, ReportedStatus, WindowOutcome } from "@mpo/protocol";
import { createFleetClient, type FleetClient, steadyTls } from "@mpo/transport";
import type { ConsoleFleet } from "./console-fleet.ts";

/** How a device answers its documents. */
export type Answer = "confirmed" | "failed" | "silent";

interface DeviceScript {
  readonly answer?: (document: DesiredDocument) => Answer;
  readonly changes?: Partial<HelloRequest>;
  /** What it says of a document that it cannot run. */
  readonly failure?: string;
}

const BEAT_MS = 150;

/** A device that joins as an agent does, measures what it is given, and answers its documents as it was told. */
export class ScriptedDevice {
  readonly name: string;
  readonly #fleet: ConsoleFleet;
  readonly #script: DeviceScript;
  readonly #ends = new AbortController();
  #sequence = 0;
  #taken = 0;
  #client: FleetClient | undefined;
  #work: Promise<void> | undefined;
  #copy: Promise<void> | undefined;

  constructor(context: TestContext, fleet: ConsoleFleet, name: string, script: DeviceScript = {}) {
    this.name = name;
    this.#fleet = fleet;
    this.#script = script;
    context.after(() => this.stop());
  }

  get identity(): { readonly tenant: string; readonly device: string } {
    return { tenant: "default", device: this.name };
  }

  /** Asks to join, until it is let in, and works from then on. Returns once it has asked. */
  async begin(): Promise<void> {
    const key = await createDeviceKey();
    const certificateRequest = await createCsr(key);
    const natsPublicKey = createDeviceNkey().publicKey;
    const { identity } = this;
    const { local, addresses } = this.#first;
    const { inventory, labels } = this.#hello();
    const strangers = createFleetClient({ targets: [addresses.grpc], tls: steadyTls(() => ({ caPem: local.caPem })) });
    const tokens = await this.#fleet.admin.createJoinTokens({
      ...{ tenant: identity.tenant, count: 1, uses: 100, validMs: 3_600_000, labels: [], isAccepting: false },
    });
    const joinToken = readJoinString(tokens.joinStrings[0] ?? "").secret;
    const ask = { identity, inventory, labels, natsPublicKey, certificateRequest, joinToken };
    const first = await strangers.enroll(ask);
    this.#work = (async () => {
      let { credentials } = first;
      while (credentials === undefined && !this.#ends.signal.aborted) {
        await pause(2 * BEAT_MS);
        credentials = (await strangers.enroll(ask).catch(() => undefined))?.credentials;
      }
      strangers.close();
      if (credentials !== undefined) await this.#run(key, credentials);
    })();
  }

  async stop(): Promise<void> {
    this.#ends.abort();
    await this.#work;
    await this.#copy;
    this.#client?.close();
  }

  /** From now on a copy of its card runs in another machine: an agent that says hello by the same name and key. */
  copied(instanceId: string): void {
    const instance = { instanceId, machineId: "copied", bootId: `boot-${instanceId}` };
    this.#copy = (async () => {
      while (!this.#ends.signal.aborted) {
        await this.#client?.hello({ ...this.#hello(), instance }).catch(() => undefined);
        await pause(2 * BEAT_MS);
      }
    })();
  }

  /** Says what became of something. */
  async report(status: ReportedStatus): Promise<void> {
    this.#sequence += 1;
    await this.#client?.reportStatus({
      ...{ identity: this.identity, report: `status-${this.#sequence}`, sequence: this.#sequence },
      ...{ reportedAtMs: Date.now(), status },
    });
  }

  /** A retraining that it has done. */
  async retrained(
    document: DesiredDocument,
    outcome: WindowOutcome,
    accuracies: readonly [number, number],
  ): Promise<void> {
    const rung = document.rungs[document.chosenRung];
    if (rung === undefined) throw new Error("the document has no rung");
    await this.report({
      kind: "window",
      window: {
        ...{
          window: `window-${this.#sequence}`,
          model: document.model,
          openedAtMs: Date.now() - 40_000,
          rung,
          outcome,
        },
        ...{ peakBytes: Math.round(0.93 * rung.memoryBytes.upper), durationMs: 38_000, steps: 40, message: "" },
        stepMs: [1.02 * rung.stepMs.expected, 0.99 * rung.stepMs.expected, 1.05 * rung.stepMs.expected],
        ...{ judgement: "labels" as const, judgedSamples: 500, document: document.version },
        ...{ accuracyBefore: accuracies[0], accuracyAfter: accuracies[1] },
      },
    });
  }

  get #first(): ConsoleFleet["coordinators"][number] {
    const [first] = this.#fleet.coordinators;
    if (first === undefined) throw new Error("there is no coordinator");
    return first;
  }

  #hello(): HelloRequest {
    const { inventory, ...hello } = helloOf(this.name);
    return {
      ...hello,
      inventory: { ...inventory, memoryBytes: 4 * 2 ** 30 },
      identity: this.identity,
      labels: [],
      ...this.#script.changes,
    };
  }

  async #run(key: string, { certificatePem = "", authoritiesPem }: DeviceCredentials): Promise<void> {
    const targets = this.#fleet.coordinators.map(({ addresses }) => addresses.grpc);
    const material = { certificatePem, privateKeyPem: key, caPem: authoritiesPem };
    const client = createFleetClient({ targets, tls: { current: () => material, onChange: () => () => undefined } });
    this.#client = client;
    const measured = reportOf(this.name, `profile-${this.name}`);
    for (let beat = 0; !this.#ends.signal.aborted; beat += 1) {
      // A coordinator that was killed: another answers the next beat.
      await this.#beat(client, beat, { ...measured, identity: this.identity, chain: tinyChain() }).catch(
        () => undefined,
      );
      await pause(BEAT_MS);
    }
  }

  async #beat(client: FleetClient, beat: number, profile: Parameters<FleetClient["reportProfile"]>[0]): Promise<void> {
    if (beat % 10 === 0) await client.hello(this.#hello());
    if (beat === 0) await client.reportProfile(profile);
    const { document } = await this.#anyAdmin();
    if (document.version.version <= this.#taken) return;
    this.#taken = document.version.version;
    const answer = this.#script.answer?.(document) ?? "confirmed";
    if (answer === "silent") return;
    const { version, chosenRung: rung } = document;
    const said = (state: "applied" | "confirmed" | "failed", message = "") =>
      this.report({ kind: "document", document: { version, state, rung, message } });
    await said("applied");
    await said(answer, answer === "failed" ? (this.#script.failure ?? "a step took more memory than its bound") : "");
  }

  /** Its newest document; an agent would have it from NATS. */
  async #anyAdmin(): Promise<{ readonly document: DesiredDocument }> {
    for (const { admin } of this.#fleet.coordinators) {
      try {
        return await admin.getConfig({ identity: this.identity });
      } catch {
        // The next may know.
      }
    }
    throw new Error("it has no document yet");
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
