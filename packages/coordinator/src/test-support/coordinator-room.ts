import { EventEmitter } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { createCsr, createDeviceKey, createDeviceNkey, type LocalJoin, NATS_NAME, readLocalJoin } from "@mpo/identity";
import { type DeviceCredentials, type DeviceIdentity, deviceKey } from "@mpo/protocol";
import { silentLogger } from "@mpo/runtime";
import {
  type AdminClient,
  createAdminClient,
  createFleetClient,
  deviceInbox,
  type FleetClient,
  findNatsServer,
  type NatsLink,
  steadyTls,
} from "@mpo/transport";
import { runCoordinator } from "../run-coordinator.ts";
import type { CoordinatorAddresses, EmbeddedNats, KeyFiles, RunOptions } from "../run-options.ts";
import type { CoordinatorSettings } from "../settings.ts";
import { helloOf as helloOfAcme } from "../testing/tiny-fleet.ts";

const { PATH = "", MPO_CACHE, XDG_CACHE_HOME, MPO_NATS_SERVER } = process.env;
export const SEARCH: Omit<EmbeddedNats, "kind" | "folder"> = {
  searchPath: PATH.split(delimiter),
  cacheFolder: MPO_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "mpoptimizer"),
  ...(MPO_NATS_SERVER === undefined ? {} : { binary: MPO_NATS_SERVER }),
};
export const skip: string | false = await findNatsServer({ ...SEARCH, named: MPO_NATS_SERVER }).then(
  () => false as const,
  (thrown: Error) => `no nats-server: ${thrown.message}`,
);

export const identityOf = (device: string): DeviceIdentity => ({ tenant: "default", device });
export const helloOf = (device: string): ReturnType<typeof helloOfAcme> => ({
  ...helloOfAcme(device),
  identity: identityOf(device),
});

/** A coordinator that runs, and an admin. */
export interface Room {
  readonly folder: string;
  readonly addresses: CoordinatorAddresses;
  readonly local: LocalJoin;
  readonly admin: AdminClient;
  stop(): Promise<void>;
}

interface RoomOptions extends Partial<Omit<RunOptions, "keys">> {
  readonly keys?: Partial<KeyFiles>;
  readonly natsHost?: string;
}

export async function open(
  context: TestContext,
  given?: string,
  settings: CoordinatorSettings = {},
  { keys, natsHost, ...options }: RoomOptions = {},
): Promise<Room> {
  const folder = given ?? (await mkdtemp(join(tmpdir(), "mpo-identity-")));
  const ends = new AbortController();
  const process = new EventEmitter();
  const localFile = join(folder, "local.json");
  let running: Promise<number> | undefined;
  let admin: AdminClient | undefined;
  const stop = async (): Promise<void> => {
    admin?.close();
    ends.abort();
    await running;
  };
  context.after(async () => {
    await stop();
    if (given === undefined) await rm(folder, { recursive: true, force: true });
  });
  const addresses = await new Promise<CoordinatorAddresses>((resolve, reject) => {
    running = runCoordinator(
      { grpc: { port: 0 }, http: { port: 0 }, ...settings },
      {
        nats: { kind: "embedded", folder, ...SEARCH, ...(natsHost === undefined ? {} : { host: natsHost }) },
        keys: { folder: join(folder, "authority"), ...keys },
        localJoinFile: () => localFile,
        process: {
          on: (name, listener) => process.on(name, listener),
          off: (name, listener) => process.off(name, listener),
          exit: () => undefined,
        },
        logger: silentLogger,
        ...options,
        signal: ends.signal,
        onReady: resolve,
        onFailure: reject,
      },
    );
    running.then((code) => reject(new Error(`it ended with ${code}`)), reject);
  });
  const local = await readLocalJoin(localFile);
  admin = createAdminClient({
    targets: [addresses.grpc],
    tls: steadyTls(() => ({ caPem: local.caPem })),
    bearer: () => local.accessToken,
  });
  return { folder, addresses, local, admin, stop };
}

/** A device that knows how to join. */
export interface Device {
  readonly identity: DeviceIdentity;
  readonly key: string;
  readonly nkey: ReturnType<typeof createDeviceNkey>;
  readonly stranger: FleetClient;
  join(token?: string): ReturnType<FleetClient["enroll"]>;
  client(credentials: DeviceCredentials, room?: Room): FleetClient;
  /** How it connects to NATS. */
  nats(servers: readonly string[], credentials: DeviceCredentials): Parameters<typeof NatsLink.open>[0];
}

export async function device(context: TestContext, { addresses, local }: Room, name: string): Promise<Device> {
  const key = await createDeviceKey();
  const nkey = createDeviceNkey();
  const identity = identityOf(name);
  const onChange = () => () => undefined;
  const targets = [addresses.grpc];
  const stranger = createFleetClient({ targets, tls: { current: () => ({ caPem: local.caPem }), onChange } });
  context.after(() => stranger.close());
  const { inventory, labels } = helloOf(name);
  return {
    ...{ identity, key, nkey, stranger },
    join: async (joinToken) =>
      await stranger.enroll({
        ...{ identity, inventory, labels, natsPublicKey: nkey.publicKey },
        certificateRequest: await createCsr(key),
        ...(joinToken === undefined ? {} : { joinToken }),
      }),
    client: ({ certificatePem = "", authoritiesPem }, at) => {
      const targets = [at?.addresses.grpc ?? addresses.grpc];
      const material = { certificatePem, privateKeyPem: key, caPem: authoritiesPem };
      const client = createFleetClient({ targets, tls: { current: () => material, onChange }, retries: 0 });
      context.after(() => client.close());
      return client;
    },
    nats: (servers, { natsJwt = "", authoritiesPem }) => ({
      servers,
      name: `agent ${name}`,
      credentials: { kind: "jwt", jwt: () => natsJwt, seed: nkey.seed },
      tls: { caPem: () => authoritiesPem, serverName: NATS_NAME },
      inboxPrefix: deviceInbox(deviceKey(identity)),
    }),
  };
}

/** Not as often as a caller may ask. */
export async function eventually<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
