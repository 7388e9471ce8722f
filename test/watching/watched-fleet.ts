import { EventEmitter } from "node:events";
import { join } from "node:path";
import { type CoordinatorAddresses, runCoordinator } from "@mpo/coordinator";
import { documentReport, helloOf, reportOf } from "@mpo/coordinator/testing";
import { createCsr, createDeviceKey, readJoinString, readLocalJoin } from "@mpo/identity";
import type { DeviceIdentity, DocumentVersion, HeartbeatRequest, ReportedStatus } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import { type AdminClient, createAdminClient, createFleetClient, type FleetClient, steadyTls } from "@mpo/transport";
import { binary } from "@mpo/transport/testing";

/** A coordinator as it is shipped, in this process, with a nats-server of its own; its devices prove who they are. */
export class WatchedFleet {
  readonly addresses: CoordinatorAddresses;
  readonly admin: AdminClient;
  readonly #folder: string;
  readonly #ends: AbortController;
  readonly #running: Promise<number>;

  private constructor(
    parts: Pick<WatchedFleet, "addresses" | "admin">,
    folder: string,
    running: [AbortController, Promise<number>],
  ) {
    this.addresses = parts.addresses;
    this.admin = parts.admin;
    this.#folder = folder;
    [this.#ends, this.#running] = running;
  }

  static async start(folder: string): Promise<WatchedFleet> {
    const ends = new AbortController();
    const emitter = new EventEmitter();
    let running: Promise<number> = Promise.resolve(0);
    const addresses = await new Promise<CoordinatorAddresses>((resolve, reject) => {
      running = runCoordinator(
        { grpc: { port: 0 }, http: { port: 0 }, heartbeatSeconds: 1 },
        {
          nats: { kind: "embedded", folder, binary: binary().path, searchPath: [] },
          keys: { folder: join(folder, "authority") },
          localJoinFile: () => join(folder, "local.json"),
          process: { on: emitter.on.bind(emitter), off: emitter.off.bind(emitter), exit: () => undefined },
          logger: silentLogger,
          signal: ends.signal,
          onReady: resolve,
          onFailure: reject,
        },
      );
      running.catch(reject);
    });
    const { caPem, accessToken } = await readLocalJoin(join(folder, "local.json"));
    const tls = steadyTls(() => ({ caPem }));
    const admin = createAdminClient({ targets: [addresses.grpc], tls, bearer: () => accessToken });
    return new WatchedFleet({ addresses, admin }, folder, [ends, running]);
  }

  async join(device: string): Promise<WatchedDevice> {
    const { caPem, joinString } = await readLocalJoin(join(this.#folder, "local.json"));
    const key = await createDeviceKey();
    const identity = { tenant: "default", device };
    const targets = [this.addresses.grpc];
    const stranger = createFleetClient({ targets, tls: steadyTls(() => ({ caPem })) });
    const { inventory, labels } = helloOf(device);
    const { secret: joinToken } = readJoinString(joinString);
    const certificateRequest = await createCsr(key);
    const { credentials } = await stranger.enroll({ identity, inventory, labels, certificateRequest, joinToken });
    stranger.close();
    const { certificatePem = "", authoritiesPem = caPem } = credentials ?? {};
    const material = { certificatePem, privateKeyPem: key, caPem: authoritiesPem };
    const client = createFleetClient({ targets, tls: steadyTls(() => material), retries: 0 });
    await client.hello({ ...helloOf(device), identity });
    await client.reportProfile({ ...reportOf(device, `profile-${device}`), identity });
    return new WatchedDevice(identity, client);
  }

  /** As systemd stops it. */
  async stop(): Promise<void> {
    this.#ends.abort();
    await this.#running;
  }

  close(): void {
    this.admin.close();
  }
}

/** A device that says what a test lets it say, and that it is there. */
export class WatchedDevice {
  readonly identity: DeviceIdentity;
  readonly #client: FleetClient;
  #sequence = 0;
  #applied: DocumentVersion | undefined;
  conditions: HeartbeatRequest["conditions"] = [];

  constructor(identity: DeviceIdentity, client: FleetClient) {
    this.identity = identity;
    this.#client = client;
  }

  async heartbeat(): Promise<void> {
    const { resources } = helloOf(this.identity.device);
    const applied = this.#applied === undefined ? {} : { appliedVersion: this.#applied };
    await this.#client.heartbeat({ identity: this.identity, resources, conditions: this.conditions, ...applied });
  }

  async applies(version: DocumentVersion): Promise<void> {
    this.#applied = version;
    await this.reports(documentReport(this.identity.device, 1, version.version, "confirmed").status);
  }

  async reports(status: ReportedStatus): Promise<void> {
    this.#sequence += 1;
    const [identity, sequence] = [this.identity, this.#sequence];
    await this.#client.reportStatus({ identity, report: `r-${sequence}`, sequence, reportedAtMs: Date.now(), status });
  }

  close(): void {
    this.#client.close();
  }
}
