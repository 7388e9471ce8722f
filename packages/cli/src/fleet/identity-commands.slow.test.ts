import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { helloOf } from "@mpo/coordinator/testing";
import {
  COORDINATOR_NAME,
  createCertificateAuthority,
  createCsr,
  createDeviceKey,
  fingerprintOf,
  issueServerCertificate,
  keyDigestOf,
  localJoinFile,
  loginString,
  readJoinString,
  readLocalJoin,
  readLoginString,
  writeLocalJoin,
} from "@mpo/identity";
import { EXIT_CODES } from "@mpo/runtime";
import { createFleetClient, startGrpcServer, steadyTls } from "@mpo/transport";
import { noNatsServer, testFolder, userIn } from "../test-support/fleet-room.ts";
import { type CommandOutcome, runCommand } from "../testing/run-command.ts";
import { startDaemon } from "../testing/start-daemon.ts";

/** A coordinator of a user's, with identities, and that user's commands. */
async function startFleet(t: TestContext) {
  const folder = await testFolder(t);
  const environment = userIn(join(folder, "admin"));
  const ports = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  const data = join(folder, "coordinator");
  const start = () => startDaemon(t, ["coordinator", ...ports, "--data", data], { environment });
  const daemon = await start();
  const target = String(daemon.ready["grpc"]);
  const mpo = (...args: readonly string[]): Promise<CommandOutcome> =>
    runCommand([...args, "--coordinator", target], { environment });
  const localFile = localJoinFile(join(folder, "admin", "state", "mpoptimizer"), Number(target.split(":")[1]));
  return { folder, data, environment, daemon, target, mpo, local: await readLocalJoin(localFile), localFile };
}

type Fleet = Awaited<ReturnType<typeof startFleet>>;

/** Another user, on another machine say: nothing of the coordinator's is there. */
function otherUser({ folder }: Fleet, name: string) {
  const environment = userIn(join(folder, name));
  return (...args: readonly string[]): Promise<CommandOutcome> => runCommand(args, { environment });
}

/** Writes the line of `mpo access create` to a file, and returns its name. */
async function accessFor(fleet: Fleet, name: string, ...options: readonly string[]): Promise<string> {
  const { stdout, stderr, code } = await fleet.mpo("access", "create", name, ...options);
  assert.equal(code, EXIT_CODES.ok, stderr);
  assert.match(stdout, /^mpo-login-[\w-]+\n$/u);
  assert.ok(!stderr.includes("mpo-login-"), "what is said beside the line does not hold it");
  const file = join(fleet.folder, `${name}.txt`);
  await writeFile(file, stdout);
  return file;
}

function assertFails({ code, stderr, stdout }: CommandOutcome, expected: number, says: RegExp): void {
  assert.equal(code, expected, `${stdout}${stderr}`);
  assert.match(stderr, says);
}

/** A device asks to join; its key's digest. */
async function enrol(
  { target, local }: Fleet,
  device: string,
  key?: string,
): Promise<{ state: string; digest: string }> {
  const pem = key ?? (await createDeviceKey());
  const tls = steadyTls(() => ({ caPem: local.caPem }));
  const client = createFleetClient({ targets: [target], tls, retries: 0 });
  try {
    const { inventory, labels } = helloOf(device);
    const identity = { tenant: "default", device };
    const { state } = await client.enroll({
      ...{ identity, inventory, labels, certificateRequest: await createCsr(pem) },
    });
    return { state, digest: keyDigestOf(pem) };
  } finally {
    client.close();
  }
}

describe("who may do what, from the command line", { skip: noNatsServer, timeout: 120_000 }, () => {
  it("is the admin on the coordinator's machine, and elsewhere who has logged in", async (t) => {
    const fleet = await startFleet(t);
    assert.match((await fleet.mpo("whoami")).stdout, /on this machine: admin of all tenants/u);
    const ada = otherUser(fleet, "ada");
    assertFails(
      await ada("devices", "list"),
      EXIT_CODES.unavailable,
      /hint: Start one with `mpo coordinator`.*mpo login/u,
    );
    const file = await accessFor(fleet, "ada", "--role", "operator", "--tenant", "plant-a");
    const login = await ada("login", `@${file}`, "--name", "home");
    assert.match(login.stdout, /logged in to home, at 127\.0\.0\.1:\d+\n {2}ada: operator of tenant plant-a/u);
    const [who] = (await ada("whoami", "--json")).records;
    assert.deepEqual([who?.["name"], who?.["role"], who?.["tenant"]], ["ada", "operator", "plant-a"]);
    // Her context's tenant is meant where nothing says another.
    assert.equal((await ada("devices", "list")).code, EXIT_CODES.ok);
    const denied = /error \(permission-denied\): ada is operator of tenant plant-a[\s\S]*hint: .*mpo access create/u;
    assertFails(await ada("devices", "list", "--tenant", "default"), EXIT_CODES.denied, denied);
    assertFails(await ada("token", "create"), EXIT_CODES.denied, denied);
    assertFails(await ada("access", "list"), EXIT_CODES.denied, denied);

    const bare = await fleet.mpo("access", "create", "prometheus", "--role", "viewer", "--bare");
    assert.match(bare.stdout, /^mpo_[\w-]{43}\n$/u);
    const { records } = await fleet.mpo("access", "list", "--json");
    const id = String(records.find(({ name }) => name === "ada")?.["id"]);
    assert.equal((await fleet.mpo("access", "revoke", id)).code, EXIT_CODES.ok);
    assertFails(await ada("whoami"), EXIT_CODES.unauthenticated, /asked with context home[\s\S]*hint: Log in again/u);
    assertFails(await fleet.mpo("access", "revoke", id), EXIT_CODES.state, /no access token/u);
    assert.match((await ada("logout")).stdout, /forgot home/u);
    assertFails(await ada("context", "show"), EXIT_CODES.state, /no context is in use/u);
  });

  it("is kept for several fleets, of which one is in use", async (t) => {
    const fleet = await startFleet(t);
    const ada = otherUser(fleet, "ada");
    for (const name of ["berlin", "paris"]) {
      const file = await accessFor(fleet, name, "--role", "viewer", "--all-tenants");
      assert.equal((await ada("login", `@${file}`, "--name", name)).code, EXIT_CODES.ok);
    }
    assert.match((await ada("whoami")).stdout, /paris: viewer of all tenants/u);
    assert.match((await ada("whoami", "--context", "berlin")).stdout, /berlin: viewer/u);
    assert.equal((await ada("context", "use", "berlin")).code, EXIT_CODES.ok);
    assert.match((await ada("context", "list")).stdout, /berlin +127.*yes\nparis +127/u);
    const [shown] = (await ada("context", "show", "--json")).records as readonly { authority?: { digest: string } }[];
    assert.equal(shown?.authority?.digest, fingerprintOf(fleet.local.caPem));
    assert.equal((await ada("context", "remove", "berlin")).code, EXIT_CODES.ok);
    assertFails(await ada("context", "use", "berlin"), EXIT_CODES.state, /there is no context berlin/u);
    const kept = await readFile(join(fleet.folder, "ada", "config", "mpoptimizer", "contexts.json"), "utf8");
    const { secret } = readLoginString(await readFile(join(fleet.folder, "paris.txt"), "utf8"));
    assert.ok(kept.includes(secret));
    for (const args of [
      ["context", "show"],
      ["context", "list"],
      ["whoami"],
      ["doctor", "--role", "coordinator"],
      ["devices"],
    ]) {
      for (const option of ["--json", "--verbose"]) {
        const { stdout, stderr } = await ada(...args, option);
        assert.ok(!`${stdout}${stderr}`.includes(secret), `mpo ${args.join(" ")} shows the token`);
      }
    }
  });

  it("is shown to no server but the fleet's", async (t) => {
    const fleet = await startFleet(t);
    const foreign = await createCertificateAuthority({ fleetId: "foreign", nowMs: Date.now() });
    const pair = await issueServerCertificate(foreign, { dnsNames: [COORDINATOR_NAME], nowMs: Date.now() });
    const tls = steadyTls(() => ({ ...pair, caPem: foreign.certificatePem }));
    const heard: unknown[] = [];
    const person = ({ bearer }: { readonly bearer?: string | undefined }): undefined => void heard.push(bearer);
    const identify = { device: () => undefined, person };
    const impostor = await startGrpcServer({ services: [], tls, identify });
    t.after(() => impostor.stop());
    const file = await accessFor(fleet, "ada", "--role", "viewer", "--all-tenants");
    const invitation = readLoginString(await readFile(file, "utf8"));
    const ada = otherUser(fleet, "ada");
    await writeFile(file, loginString({ ...invitation, addresses: [impostor.target] }));
    assertFails(await ada("login", `@${file}`), EXIT_CODES.unauthenticated, /not of the fleet that was named/u);
    // The right one among several is found; one that is away is passed over.
    await writeFile(file, loginString({ ...invitation, addresses: [impostor.target, "127.0.0.1:1", fleet.target] }));
    assert.equal((await ada("login", `@${file}`, "--name", "home")).code, EXIT_CODES.ok);
    const wrong = await ada("whoami", "--coordinator", impostor.target, "--context", "home");
    assertFails(wrong, EXIT_CODES.unauthenticated, /certificate of another authority[\s\S]*hint: Log in again/u);
    // What another fleet's coordinator has left on this machine does not open this one.
    await writeLocalJoin(fleet.localFile, { ...fleet.local, caPem: foreign.certificatePem });
    assertFails(
      await fleet.mpo("whoami"),
      EXIT_CODES.unauthenticated,
      /another authority[\s\S]*hint: Start the coordinator/u,
    );
    assertFails(await fleet.mpo("whoami", "--insecure"), EXIT_CODES.unavailable, /TLS[\s\S]*leave --insecure away/u);
    assert.deepEqual(heard, [], "no call, and no token, got through");
  });
});

describe("which devices may come, from the command line", { skip: noNatsServer, timeout: 120_000 }, () => {
  it("is decided by lines, which are printed once", async (t) => {
    const fleet = await startFleet(t);
    const made = await fleet.mpo("token", "create", "--count", "2", "--label", "site=berlin", "--expires", "1h");
    const lines = made.stdout.trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => /^mpo-join-[\w-]+$/u.test(line)),
      [true, true],
      made.stdout,
    );
    assert.match(made.stderr, /each line lets in one device \(site=berlin\) until .* UTC; somebody has to accept it/u);
    assert.match(made.stderr, /next: on the device.*mpo agent --join @FILE/u);
    const listed = await fleet.mpo("token", "list", "--json");
    const ours = listed.records.filter(({ createdBy }) => String(createdBy).includes("call"));
    assert.equal(ours.length, 2);
    const events = await fleet.mpo("events", "--json");
    for (const said of [listed.stdout, events.stdout, made.stderr]) assert.doesNotMatch(said, /mpo-join-|mpoj_|mpo_/u);
    const id = String(ours[0]?.["id"]);
    assert.equal((await fleet.mpo("token", "revoke", id)).code, EXIT_CODES.ok);
    assert.equal((await fleet.mpo("token", "list", "--json")).records.length, listed.records.length - 1);
    assertFails(await fleet.mpo("token", "revoke", id), EXIT_CODES.state, /token/u);
  });

  it("is decided one by one: pending, accepted, rejected, revoked, labelled", async (t) => {
    const fleet = await startFleet(t);
    const one = await enrol(fleet, "pi-1");
    await enrol(fleet, "pi-2");
    assert.equal(one.state, "pending");
    assert.match(
      (await fleet.mpo("devices", "list")).stdout,
      /next: 2 devices wait to be let in: mpo devices pending/u,
    );
    const pending = (await fleet.mpo("devices", "pending", "--json")).records;
    assert.deepEqual(pending.map(({ keyDigest }) => keyDigest)[0], one.digest);
    const otherKey = await fleet.mpo("devices", "accept", "pi-1", "--key", "0".repeat(64));
    assertFails(otherKey, EXIT_CODES.state, /conflict.*another key[\s\S]*mpo devices pending/u);
    assertFails(await fleet.mpo("devices", "accept", "pi-1", "--key", "abc"), EXIT_CODES.usage, /64 hexadecimal/u);
    const accepted = await fleet.mpo("devices", "accept", "pi-1", "--key", one.digest, "--reason", "ours");
    assert.match(accepted.stdout, new RegExp(`accepted pi-1, whose key is ${one.digest}`, "u"));
    assert.equal((await fleet.mpo("devices", "reject", "pi-2")).code, EXIT_CODES.ok);
    assert.match((await fleet.mpo("devices", "pending")).stdout, /no device waits/u);
    assertFails(await fleet.mpo("devices", "accept", "pi-9"), EXIT_CODES.state, /pi-9/u);
    assert.match((await fleet.mpo("devices", "label", "pi-1", "site=berlin", "rack=7")).stdout, /site=berlin, rack=7/u);
    assert.match((await fleet.mpo("devices", "label", "pi-1", "site-")).stdout, /pi-1: rack=7/u);
    assertFails(await fleet.mpo("devices", "label", "pi-1", "site"), EXIT_CODES.usage, /NAME- to take a label away/u);
    assertFails(await fleet.mpo("devices", "label", "pi-1"), EXIT_CODES.usage, /expected NAME=VALUE/u);
    assert.equal((await fleet.mpo("devices", "revoke", "pi-1")).code, EXIT_CODES.ok);
  });

  it("is decided beforehand by their keys", async (t) => {
    const fleet = await startFleet(t);
    const device = otherUser(fleet, "device");
    const { stdout } = await device("agent", "key", "--device", "pi-7");
    assert.match(stdout, /^pi-7,[0-9a-f]{64}\n$/u);
    assert.equal((await device("agent", "key", "--device", "pi-7")).stdout, stdout, "it has one key");
    const key = await createDeviceKey();
    const file = join(fleet.folder, "keys.csv");
    await writeFile(file, `${stdout}pi-8,${keyDigestOf(key)},site=berlin\n`);
    assert.match((await fleet.mpo("devices", "preauthorise", file)).stdout, /2 devices may come.*2 are new/u);
    assert.equal((await enrol(fleet, "pi-8", key)).state, "accepted");
    await writeFile(file, "pi 7,x\npi-9\n");
    assertFails(await fleet.mpo("devices", "preauthorise", file), EXIT_CODES.data, /line 1[\s\S]*line 2/u);
  });

  it("is an agent's own affair once it has a line", async (t) => {
    const fleet = await startFleet(t);
    const line = join(fleet.folder, "join.txt");
    await writeFile(line, (await fleet.mpo("token", "create", "--accept", "--label", "site=berlin")).stdout);
    const environment = { ...userIn(join(fleet.folder, "device")), MPO_JOIN_FILE: line };
    const data = ["--device", "pi-7", "--data", join(fleet.folder, "device")];
    const agent = await startDaemon(t, ["agent", ...data], { environment });
    assert.equal(agent.ready["device"], "pi-7");
    const [shown] = (await fleet.mpo("devices", "show", "pi-7", "--json")).records as readonly {
      labels?: unknown;
      enrolment?: { state: string; keyDigest: string };
    }[];
    assert.deepEqual(shown?.labels, [{ name: "site", value: "berlin" }]);
    assert.equal(shown?.enrolment?.state, "accepted");
    const { stdout } = await runCommand(["agent", "key", ...data], { environment });
    assert.equal(stdout, `pi-7,${shown?.enrolment?.keyDigest}\n`);
    const table = (await fleet.mpo("devices", "show", "pi-7")).stdout;
    assert.match(table, /in the fleet[\s\S]*accepted[\s\S]*certificate[\s\S]*good until 20/u);
    const relabelled = await fleet.mpo("devices", "label", "rack=7", "--where", "label.site = berlin");
    assert.match(relabelled.stdout, /^pi-7: .*rack=7/u);
    const none = await fleet.mpo("devices", "label", "rack-", "--where", "label.site = bonn");
    assert.equal(none.stdout, "no device to label\n");
    await agent.stop();
    // It goes back without a line.
    const again = await startDaemon(t, ["agent", ...data], { environment: userIn(join(fleet.folder, "device")) });
    assert.equal(again.ready["coordinator"], fleet.target);
  });
});

describe("a coordinator that other machines reach", { skip: noNatsServer, timeout: 60_000 }, () => {
  for (const [options, isAddress] of [
    [[], (host: string) => !/^(?:127|0\.0\.0\.0)/u.test(host)],
    [["--advertise", "fleet.example"], (host: string) => host === "fleet.example"],
  ] as const) {
    it(`says where it and its NATS are: ${options.join(" ") || "all of its addresses"}`, async (t) => {
      const folder = await testFolder(t);
      const environment = userIn(folder);
      const listen = ["--listen", "0.0.0.0:0", "--nats-listen", "0.0.0.0:0", "--http", "127.0.0.1:0", ...options];
      const { ready } = await startDaemon(t, ["coordinator", ...listen, "--data", folder], { environment });
      const [, port] = String(ready["grpc"]).split(":");
      const there = ["--coordinator", `127.0.0.1:${port}`];
      const { stdout, stderr } = await runCommand(["token", "create", ...there], { environment });
      const { addresses } = readJoinString(stdout);
      const hosts = addresses.map((address) => address.replace(`:${port}`, ""));
      if (networkInterfaces()["eth0"] !== undefined) assert.ok(hosts.every(isAddress), `${hosts.join()} ${stderr}`);
      const [nats] = ready["natsServers"] as readonly string[];
      // An agent that is told of all addresses takes the one by which it has reached the coordinator.
      assert.match(String(nats), options.length > 0 ? /^nats:\/\/fleet\.example:\d+$/u : /^nats:\/\/0\.0\.0\.0:\d+$/u);
    });
  }
});

describe("the fleet's keys, from the command line", { skip: noNatsServer, timeout: 120_000 }, () => {
  it("are shown, exported and replaced", async (t) => {
    const fleet = await startFleet(t);
    const [before] = (await fleet.mpo("ca", "show", "--json")).records as unknown as Shown[];
    assert.equal(before?.certificates[0]?.digest, fingerprintOf(fleet.local.caPem));
    assert.equal((await fleet.mpo("ca", "export")).stdout, fleet.local.caPem);
    const rotated = await fleet.mpo("ca", "rotate", "--reason", "yearly");
    assert.match(rotated.stdout, /the authority [0-9a-f]{64} issues from now on/u);
    const [after] = (await fleet.mpo("ca", "show", "--json")).records as unknown as Shown[];
    assert.equal(after?.certificates.length, 2);
    const file = join(fleet.folder, "ca.pem");
    assert.equal((await fleet.mpo("ca", "export", "--output", file)).code, EXIT_CODES.ok);
    assert.equal((await readFile(file, "utf8")).match(/BEGIN/gu)?.length, 2);
    assertFails(await fleet.mpo("ca", "export", "--output", file), EXIT_CODES.state, /--force/u);

    assert.match((await fleet.mpo("keys", "show")).stdout, /epoch 1[\s\S]*kept by the coordinator/u);
    assert.match((await fleet.mpo("keys", "rotate")).stdout, /epoch 2 from now on/u);
    assertFails(await fleet.mpo("keys", "rotate", "--root", file), EXIT_CODES.state, /open to others/u);
    const output = join(fleet.folder, "stick", "root.pem");
    const exporting = ["keys", "export-root", "--data", fleet.data, "--output", output];
    assertFails(await runCommand(exporting), EXIT_CODES.state, /already-exists[\s\S]*hint: End the coordinator/u);
  });

  it("may have their root offline", async (t) => {
    const fleet = await startFleet(t);
    await fleet.daemon.stop();
    const output = join(fleet.folder, "stick", "root.pem");
    const exporting = ["keys", "export-root", "--data", fleet.data, "--output", output];
    const exported = await runCommand(exporting);
    assert.match(exported.stdout, /the root key is in .*root\.pem/u, exported.stderr);
    assertFails(await runCommand([...exporting, "--force"]), EXIT_CODES.state, /it was taken out before/u);
    const pem = await readFile(output, "utf8");
    assert.ok(
      !(await readFile(join(fleet.data, "authority", "authority.json"), "utf8")).includes(pem.split("\n")[1] ?? "?"),
    );
    const listen = ["--listen", fleet.target, "--http", "127.0.0.1:0"];
    await startDaemon(t, ["coordinator", ...listen, "--data", fleet.data], { environment: fleet.environment });
    assert.match((await fleet.mpo("keys", "show")).stdout, /kept offline/u);
    assertFails(await fleet.mpo("keys", "rotate"), EXIT_CODES.state, /kept offline[\s\S]*--root FILE/u);
    const rotated = await fleet.mpo("keys", "rotate", "--root", output, "--reason", "stolen");
    assert.match(rotated.stdout, /epoch 2 from now on/u, rotated.stderr);
  });

  it("are made for servers of others before a coordinator starts", async (t) => {
    const folder = await testFolder(t);
    const data = join(folder, "data");
    await mkdir(data);
    const printed = await runCommand(["nats", "setup", "--data", data]);
    assert.match(printed.stdout, /operator: [\s\S]*handshake_first: true/u);
    assert.doesNotMatch(printed.stdout, /PRIVATE|SEED|\bS[OAU][A-Z0-9]{40}/u);
    const files = join(folder, "files");
    assert.equal((await runCommand(["nats", "setup", "--data", data, "--output", files])).code, EXIT_CODES.ok);
    assert.match(await readFile(join(files, "mpo-nats.pem"), "utf8"), /PRIVATE KEY/u);
    const insecure = await runCommand(["coordinator", "--insecure", "--listen", "0.0.0.0:7443"]);
    assertFails(insecure, EXIT_CODES.usage, /--insecure with 0\.0\.0\.0:7443: it is for this machine alone/u);
  });
});

interface Shown {
  readonly certificates: readonly { readonly digest: string }[];
}
