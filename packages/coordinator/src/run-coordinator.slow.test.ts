import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { createLogger, EXIT_CODES, exitCodeOf, type Logger, type ProcessPort, silentLogger } from "@mpo/runtime";
import { createAdminClient, createFleetClient, findNatsServer } from "@mpo/transport";
import { runCoordinator } from "./run-coordinator.ts";
import type { CoordinatorAddresses, EmbeddedNats } from "./run-options.ts";
import type { CoordinatorSettings } from "./settings.ts";
import { eventually, helloOf, identityOf, reportOf } from "./testing/tiny-fleet.ts";

const { PATH = "", MPO_CACHE, XDG_CACHE_HOME, MPO_NATS_SERVER } = process.env;
const SEARCH = {
  searchPath: PATH.split(delimiter),
  cacheFolder: MPO_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "mpoptimizer"),
};
const NAMED = MPO_NATS_SERVER === undefined ? {} : { binary: MPO_NATS_SERVER };
const missing = await findNatsServer({
  ...SEARCH,
  ...(MPO_NATS_SERVER === undefined ? {} : { named: MPO_NATS_SERVER }),
}).then(
  () => false as const,
  (thrown: Error) => `no nats-server: ${thrown.message}`,
);

const ANY_PORTS: CoordinatorSettings = { grpc: { port: 0 }, http: { port: 0 } };
/** Who proves what is not the point here. */
const PLAIN: CoordinatorSettings = { ...ANY_PORTS, insecure: true };

interface Run {
  readonly addresses: CoordinatorAddresses;
  stop(): Promise<number>;
}

async function run(
  context: TestContext,
  folder: string,
  settings: CoordinatorSettings = PLAIN,
  logger: Logger = silentLogger,
): Promise<Run> {
  const ends = new AbortController();
  const nats: EmbeddedNats = { kind: "embedded", folder, ...SEARCH, ...NAMED };
  let code: Promise<number> | undefined;
  const stop = async (): Promise<number> => {
    ends.abort();
    return (await code) ?? 0;
  };
  context.after(stop);
  const addresses = await new Promise<CoordinatorAddresses>((resolve, reject) => {
    code = runCoordinator(settings, {
      nats,
      process: fakeProcess(),
      logger,
      signal: ends.signal,
      onReady: resolve,
    });
    code.then((found) => reject(new Error(`it ended with ${found} before it was ready`)), reject);
  });
  return { addresses, stop };
}

function fakeProcess(): ProcessPort {
  const emitter = new EventEmitter();
  return {
    on: (name, listener) => emitter.on(name, listener),
    off: (name, listener) => emitter.off(name, listener),
    exit: () => undefined,
  };
}

function isGone(pid: number): boolean {
  try {
    return !process.kill(pid, 0);
  } catch {
    return true;
  }
}

async function readiness({ http }: CoordinatorAddresses): Promise<readonly [number, string]> {
  const response = await fetch(`${http}/readyz`);
  return [response.status, await response.text()];
}

async function folder(context: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "mpo-coordinator-"));
  context.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

void describe("a coordinator as a process runs it", () => {
  void it("keeps everything over a restart", { skip: missing }, async (context) => {
    const data = await folder(context);
    const identity = identityOf("pi-1");
    const first = await run(context, data);
    assert.match(first.addresses.grpc, /^127\.0\.0\.1:\d+$/u);
    const device = createFleetClient({ targets: [first.addresses.grpc] });
    const greeting = await device.hello(helloOf("pi-1"));
    assert.deepEqual(greeting.natsServers, first.addresses.natsServers);
    assert.equal((await device.reportProfile(reportOf("pi-1", "r1"))).isDuplicate, false);
    const admin = createAdminClient({ targets: [first.addresses.grpc] });
    const { document } = await eventually(() => admin.getConfig({ identity }).catch(() => undefined));
    assert.equal((await fetch(`${first.addresses.http}/readyz`)).status, 200);
    assert.match(await (await fetch(`${first.addresses.http}/metrics`)).text(), /^mpo_devices 1$/mu);
    device.close();
    admin.close();
    assert.equal(await first.stop(), 130);

    const second = await run(context, data);
    const again = createFleetClient({ targets: [second.addresses.grpc] });
    assert.deepEqual((await again.hello(helloOf("pi-1"))).desiredVersion, document.version);
    assert.equal((await again.reportProfile(reportOf("pi-1", "r1"))).isDuplicate, true);
    again.close();
    await second.stop();
  });

  void it("is not ready while its store does not answer, and calls no device offline", {
    skip: missing,
    timeout: 120_000,
  }, async (context) => {
    const lines: string[] = [];
    const logger = createLogger({ write: (line) => lines.push(line) });
    const { addresses } = await run(context, await folder(context), { ...PLAIN, heartbeatSeconds: 1 }, logger);
    const device = createFleetClient({ targets: [addresses.grpc], retries: 0 });
    const admin = createAdminClient({ targets: [addresses.grpc], retries: 0 });
    const nats = addresses.natsPid as number;
    using _ = {
      [Symbol.dispose]: () => {
        process.kill(nats, "SIGCONT");
        device.close();
        admin.close();
      },
    };
    await device.hello(helloOf("pi-1"));
    const ready = () => readiness(addresses);
    assert.deepEqual(await ready(), [200, "ok\n"]);
    process.kill(nats, "SIGSTOP");
    const presence = async () => (await admin.listDevices({ tenant: "acme", pageSize: 10 })).devices[0]?.presence;
    const [, why] = await eventually(() => ready().then((found) => (found[0] === 503 ? found : undefined)));
    assert.match(why, /^the store takes no writes: a small write to the store did not end within 5000 ms/u);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    assert.equal(await presence(), "online");
    const push = admin.pushConfig({ identity: identityOf("pi-1"), model: "tiny", reason: "" });
    assert.equal(exitCodeOf(await push.catch((thrown: unknown) => thrown)), EXIT_CODES.unavailable);
    process.kill(nats, "SIGCONT");
    await eventually(() => ready().then(([code]) => (code === 200 ? true : undefined)));
    assert.equal(await presence(), "online", "devices have not had the time to be heard of again");
    const said = lines.filter((line) => line.includes("the store takes no writes"));
    assert.deepEqual([said.length, said[0]?.includes('"warn"')], [1, true], said.join(""));
  });

  void it("ends within seconds while its nats-server hangs, and leaves none behind", {
    skip: missing,
    timeout: 60_000,
  }, async (context) => {
    const { addresses, stop } = await run(context, await folder(context));
    const device = createFleetClient({ targets: [addresses.grpc], retries: 0 });
    const admin = createAdminClient({ targets: [addresses.grpc], retries: 0 });
    context.after(() => {
      device.close();
      admin.close();
    });
    await device.hello(helloOf("pi-1"));
    const nats = addresses.natsPid as number;
    process.kill(nats, "SIGSTOP");
    // A call that waits for the store, and a follower: neither may hold it.
    const follow = async (): Promise<void> => {
      for await (const _ of admin.watchEvents({ tenant: "acme", afterSequence: 0 }));
    };
    const calls = Promise.allSettled([device.hello(helloOf("pi-2")), follow()]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const startedMs = Date.now();
    assert.equal(await stop(), 130);
    assert.ok(Date.now() - startedMs < 10_000, `${Date.now() - startedMs} ms`);
    // It has ended; Node may yet have to take notice of that, and until then its number is taken.
    await eventually(() => isGone(nats) || undefined);
    await calls;
  });

  void it("is not ready and takes no reports when its data was removed while it runs", {
    skip: missing,
    timeout: 60_000,
  }, async (context) => {
    const data = await folder(context);
    const { addresses } = await run(context, data);
    const device = createFleetClient({ targets: [addresses.grpc], retries: 0 });
    context.after(() => device.close());
    await device.hello(helloOf("pi-1"));
    assert.equal((await readiness(addresses))[0], 200);
    await rm(join(data, "nats"), { recursive: true, force: true });
    const [, why] = await eventually(() =>
      readiness(addresses).then((found) => (found[0] === 503 ? found : undefined)),
    );
    assert.match(why, /the store in .* was removed or replaced while it ran/u);
    await assert.rejects(device.hello(helloOf("pi-2")), { code: "unavailable", message: /was removed/u });
    const page = await (await fetch(`${addresses.http}/metrics`)).text();
    assert.match(page, /^mpo_store_takes_writes 0$/mu);
    assert.match(page, /^mpo_store_writes_refused_total\{code="unavailable"\} [1-9]/mu);
  });

  void it("refuses addresses beyond loopback when nobody proves who they are, and only then", async (context) => {
    const data = await folder(context);
    const lines: string[] = [];
    const options = {
      nats: { kind: "embedded", folder: data, searchPath: [], binary: join(data, "no-such-server") },
      keys: { folder: join(data, "authority") },
      process: fakeProcess(),
      logger: createLogger({ write: (line) => lines.push(line) }),
    } as const;
    const [host, port] = ["0.0.0.0", 0];
    const nats = { ...options.nats, host };
    for (const [settings, given] of [
      [{ ...PLAIN, grpc: { host, port } }, options],
      [{ ...PLAIN, http: { host, port } }, options],
      [PLAIN, { ...options, nats }],
    ] as const) {
      await assert.rejects(runCoordinator(settings, given), { code: "precondition-failed", message: /--insecure/u });
    }
    assert.deepEqual(lines, []);
    // These fail later, for want of a server.
    assert.notEqual(await runCoordinator(PLAIN, options), 0);
    assert.match(lines.splice(0).join(""), /INSECURE.*no-such-server/su);
    const open = { grpc: { host, port }, http: { host, port } };
    assert.notEqual(await runCoordinator(open, { ...options, nats }), 0);
    assert.doesNotMatch(lines.join(""), /INSECURE/u);
    assert.match(lines.join(""), /no-such-server/u);
  });
});
