import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { it } from "node:test";
import { readLocalJoin } from "@mpo/identity";
import { type ProcessPort, silentLogger } from "@mpo/runtime";
import { createAdminClient, findNatsServer, steadyTls } from "@mpo/transport";
import { runCoordinator } from "../run-coordinator.ts";
import { OIDC_CLIENT, OidcRoom } from "../testing/oidc-room.ts";

const { PATH = "", MPO_CACHE, XDG_CACHE_HOME, MPO_NATS_SERVER: named } = process.env;
const SEARCH = {
  searchPath: PATH.split(delimiter),
  cacheFolder: MPO_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "mpoptimizer"),
};
const missing = await findNatsServer({ ...SEARCH, ...(named === undefined ? {} : { named }) }).then(
  () => false as const,
  (thrown: Error) => `no nats-server: ${thrown.message}`,
);

void it("a coordinator says where to log in, and takes the token that is got there", { skip: missing }, async (t) => {
  const room = await OidcRoom.open();
  t.after(async () => await room[Symbol.asyncDispose]());
  room.groups.set("ann", ["readers"]);
  const folder = await mkdtemp(join(tmpdir(), "mpo-oidc-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const ends = new AbortController();
  const emitter = new EventEmitter();
  const process: ProcessPort = {
    on: (name, listener) => emitter.on(name, listener),
    off: (name, listener) => emitter.off(name, listener),
    exit: () => undefined,
  };
  const provider = { issuer: room.issuer, clientId: OIDC_CLIENT };
  const localJoin = join(folder, "local.json");
  let running: Promise<unknown> | undefined;
  t.after(async () => {
    ends.abort();
    await running;
  });
  const target = await new Promise<string>((resolve, reject) => {
    const roles = [{ group: "readers", role: "viewer" }] as const;
    running = runCoordinator(
      { grpc: { port: 0 }, http: { port: 0 }, oidc: { ...provider, groupsClaim: "groups", roles } },
      {
        nats: { kind: "embedded", folder, ...SEARCH, ...(named === undefined ? {} : { binary: named }) },
        ...{ keys: { folder: join(folder, "authority") }, localJoinFile: () => localJoin },
        ...{
          process,
          logger: silentLogger,
          signal: ends.signal,
          onReady: ({ grpc }) => resolve(grpc),
          onFailure: reject,
        },
      },
    ).catch(reject);
  });
  const { caPem } = await readLocalJoin(localJoin);
  const clientWith = (token?: string): ReturnType<typeof createAdminClient> => {
    const tls = steadyTls(() => ({ caPem }));
    const client = createAdminClient({ targets: [target], retries: 0, tls, bearer: () => token });
    t.after(() => client.close());
    return client;
  };

  const stranger = clientWith();
  assert.deepEqual((await stranger.getAuthority({})).oidc, provider);
  await assert.rejects(stranger.whoAmI({}), { code: "unauthenticated" });

  const { id_token } = await room.logIn("ann");
  const reader = clientWith(id_token);
  const { name, role } = await reader.whoAmI({});
  assert.deepEqual([name, role], [`ann (${new URL(room.issuer).host})`, "viewer"]);
  assert.deepEqual((await reader.listDevices({ tenant: "acme", pageSize: 10 })).devices, []);
  await assert.rejects(reader.listAccessTokens({}), { code: "permission-denied", message: /ann .* is viewer/u });

  const { id_token: others } = await room.logIn("ann", "another-program");
  await assert.rejects(clientWith(others).whoAmI({}), { code: "unauthenticated", message: /not for the client/u });
  await assert.rejects(clientWith("nonsense").whoAmI({}), { code: "unauthenticated", message: /neither an access/u });
});
