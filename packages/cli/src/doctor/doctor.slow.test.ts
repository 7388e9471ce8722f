import assert from "node:assert/strict";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { identityFiles } from "@mpo/agent";
import { createCertificateAuthority, issueServerCertificate, writePrivateFile } from "@mpo/identity";
import { EXIT_CODES } from "@mpo/runtime";
import { noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { startCommand } from "../testing/run-command.ts";
import type { DoctorContext, Finding } from "./check.ts";
import { checkAuthority, checkDeviceCertificate } from "./identity-checks.ts";
import { checkPort, checkProxy } from "./network-checks.ts";
import { checkDisk } from "./storage-check.ts";
import {
  checkClearRefs,
  checkClock,
  checkFlock,
  checkLimits,
  checkMemory,
  checkNode,
  checkOpenFiles,
  checkPressure,
} from "./system-checks.ts";
import { checkWheel } from "./wheel-check.ts";

/** A context whose `/proc` and `/sys` are these files. */
async function machine(context: TestContext, files: Readonly<Record<string, string>>): Promise<DoctorContext> {
  const systemRoot = await testFolder(context);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(systemRoot, path)), { recursive: true });
    await writeFile(join(systemRoot, path), text);
  }
  return { systemRoot, environment: {}, signal: new AbortController().signal };
}

const GIB_IN_KIB = 2 ** 20;
const memory = (availableKib: number): string => `MemTotal: ${4 * GIB_IN_KIB} kB\nMemAvailable: ${availableKib} kB\n`;
const PSI = "some avg10=1.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";

describe("the doctor's checks", () => {
  const nodes = { "v20.19.0": "ok", "v22.5.1": "ok", "v20.18.3": "broken", "v18.20.0": "broken", "v23.0.0": "broken" };
  for (const [version, state] of Object.entries(nodes)) {
    it(`Node ${version} is ${state}`, async () => assert.equal((await checkNode(version)).state, state));
  }

  it("a clock that was never set", async () => {
    assert.equal((await checkClock(0)).state, "broken");
    assert.equal((await checkClock(Date.now())).state, "ok");
  });

  it("TensorFlow's wheel, and what an owner of a Jetson does for its GPU", async (t) => {
    const orin = await machine(t, { "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0" });
    const pi = await machine(t, { "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0" });
    const of = (context: DoctorContext, version: string): Promise<Finding> =>
      checkWheel(context, async () => ({ wheel: `tensorflow-${version}.whl`, version }));
    const pinned = "tensorflow-2.15.1.whl: everything is tested with it";
    assert.deepEqual(await of(pi, "2.15.1"), { state: "ok", found: pinned });
    assert.match((await of(pi, "2.18.1")).found, /^tensorflow-2\.18\.1\.whl: tried were gradients/u);
    assert.match((await of(pi, "2.22.0")).found, /: nothing was tried with this release$/u);
    const onProcessor = await of(orin, "2.15.1");
    assert.deepEqual([onProcessor.state, onProcessor.found.startsWith(pinned)], ["warning", true]);
    assert.match(onProcessor.fix ?? "", /^For CUDA, .* MPO_TENSORFLOW_WHEEL/u);
    const nvidia = await of(orin, "2.16.1+nv24.8");
    assert.match(nvidia.found, /: of PyPI's 2\.16 were tried .* Memory on a GPU is not predicted$/u);
    assert.equal((await checkWheel(pi, async () => undefined)).state, "ok");
    const here = await checkWheel(pi);
    assert.match(here.found, /\.whl: /u);
  });

  it("the owner's limits", async (t) => {
    const path = join(await testFolder(t), "limits.json");
    assert.match((await checkLimits(path)).found, /^none: /u);
    await writeFile(path, '{"memory": "1 GB", "hours": ["22:00-06:00"]}');
    assert.deepEqual(await checkLimits(path), { state: "ok", found: "memory 1 GB, hours 22:00-06:00" });
    await writeFile(path, '{"memory": "1"}');
    await assert.rejects(checkLimits(path), /memory is "1"; expected a size/u);
  });

  it("memory, its limit and its pressure", async (t) => {
    const findings = async (files: Readonly<Record<string, string>>): Promise<readonly Finding[]> => {
      const context = await machine(t, files);
      return await Promise.all([checkMemory(context, tmpdir()), checkPressure(context, tmpdir())]);
    };
    const limit = { "proc/self/cgroup": "0::/box", "sys/fs/cgroup/box/memory.max": String(384 * 2 ** 20) };
    const usual = { "proc/meminfo": memory(3 * GIB_IN_KIB), "proc/pressure/memory": PSI, "proc/pressure/cpu": PSI };
    const [room, pressure] = await findings(usual);
    assert.deepEqual([room?.state, pressure?.state], ["ok", "ok"]);
    assert.match(room?.found ?? "", /4\.00 GiB, no cgroup limit.*may take/u);
    const [boxed] = await findings({ ...usual, ...limit });
    assert.match(boxed?.found ?? "", /cgroup limit 384\.0 MiB.*nothing may run now: memory/u);
    assert.match(boxed?.fix ?? "", /--reserve/u);
    const [, noPressure] = await findings({ "proc/meminfo": memory(3 * GIB_IN_KIB) });
    assert.equal(noPressure?.state, "warning");
    assert.match(noPressure?.fix ?? "", /psi=1/u);
  });

  it("peaks that cannot be metered", async (t) => {
    assert.equal((await checkClearRefs(await machine(t, { "proc/self/clear_refs": "" }))).state, "ok");
    assert.equal((await checkClearRefs(await machine(t, {}))).state, "broken");
  });

  it("few open files", async (t) => {
    const limits = (most: string): string =>
      `Limit  Soft Limit  Hard Limit  Units\nMax open files  ${most}  ${most}  files\n`;
    const finding = async (most: string): Promise<Finding> =>
      await checkOpenFiles(await machine(t, { "proc/self/limits": limits(most), "proc/self/fd/0": "" }));
    assert.equal((await finding("65536")).state, "ok");
    const few = await finding("256");
    assert.deepEqual([few.state, /at most 256: room for 191/u.test(few.found)], ["warning", true], few.found);
    assert.match(few.fix ?? "", /ulimit -Hn/u);
  });

  it("a missing flock", async (t) => {
    const context = await machine(t, {});
    const { PATH = "" } = process.env;
    assert.equal((await checkFlock({ ...context, environment: { PATH } })).state, "ok");
    const none = await checkFlock({ ...context, environment: { PATH: "/nowhere" } });
    assert.deepEqual([none.state, /util-linux/u.test(none.fix ?? "")], ["broken", true]);
  });

  it("a proxy on the way", async (t) => {
    const context = { ...(await machine(t, {})), environment: { http_proxy: "http://proxy:3128" } };
    const check = (host: string): Promise<Finding> => checkProxy([`${host}:7443`], context);
    assert.equal((await check("127.0.0.1")).state, "ok");
    const used = await check("fleet.example");
    assert.equal(used.state, "warning");
    assert.match(used.found, /http_proxy sends gRPC to fleet\.example:7443 through proxy:3128/u);
  });

  it("files of keys and tokens that others can read, and a certificate that has ended", async (t) => {
    const folder = await testFolder(t);
    assert.match((await checkDeviceCertificate(folder)).found, /joined no fleet/u);
    assert.match((await checkAuthority(folder)).found, /none yet/u);
    const authority = await createCertificateAuthority({ fleetId: "test", nowMs: Date.now() - 3_600_000 });
    const names = { dnsNames: ["pi-7"], nowMs: Date.now() - 1_800_000 };
    const { key, membership } = identityFiles(folder);
    for (const [lifetimeMs, state] of [
      [86_400_000, "ok"],
      [60_000, "warning"],
    ] as const) {
      const { certificatePem, privateKeyPem } = await issueServerCertificate(authority, { ...names, lifetimeMs });
      await writePrivateFile(key, privateKeyPem);
      await writePrivateFile(membership, JSON.stringify({ certificatePem }));
      assert.equal((await checkDeviceCertificate(folder)).state, state);
    }
    await chmod(key, 0o644);
    await assert.rejects(checkDeviceCertificate(folder), { code: "precondition-failed", hint: /chmod 600/u });
  });

  it("a disk on which nothing can be written", async (t) => {
    assert.equal((await checkDisk(join(await testFolder(t), "not/there/yet"))).state, "ok");
    const proc = await checkDisk("/proc/self/fdinfo");
    assert.notEqual(proc.state, "ok");
  });

  it("a port that somebody else has", async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const { port } = server.address() as { readonly port: number };
    const at = { host: "127.0.0.1", port };
    assert.equal((await checkPort(at, "--listen", async () => false)).state, "broken");
    assert.equal((await checkPort(at, "--listen", async () => true)).state, "ok");
  });
});

describe("mpo doctor", () => {
  it("finds an agent's machine in order, TensorFlow and its cap too", { timeout: 180_000 }, async () => {
    const { records, code, stderr } = await startCommand(["doctor", "--role", "agent", "--json"]).outcome;
    const states = new Map(records.map(({ check, state }) => [check, state]));
    assert.equal(states.get("TensorFlow"), "ok", JSON.stringify(records));
    assert.equal(states.get("memory cap (oneDNN)"), "ok", JSON.stringify(records));
    assert.equal(states.get("clear_refs"), "ok");
    assert.equal(states.has("nats-server"), false);
    assert.equal(code, EXIT_CODES.ok, stderr);
  });

  it("looks where the config files of an installed machine say, and says what is wrong with them", async (t) => {
    const folder = await testFolder(t);
    const installed = { configFolder: folder, userName: "root" };
    const [agent, coordinator] = [join(folder, "a"), join(folder, "c")];
    await writeFile(join(folder, "agent.toml"), `data = "${agent}"\nlimits = "own.json"\n`);
    await writeFile(join(folder, "coordinator.toml"), `data = "${coordinator}"\nnats-server = "/nowhere/nats"\n`);
    await writeFile(join(folder, "own.json"), '{"memory": "1 GB"}');
    const authority = await createCertificateAuthority({ fleetId: "test", nowMs: Date.now() });
    const names = { dnsNames: ["pi-7"], nowMs: Date.now(), lifetimeMs: 86_400_000 };
    const { certificatePem, privateKeyPem } = await issueServerCertificate(authority, names);
    const { key, membership } = identityFiles(agent);
    await writePrivateFile(key, privateKeyPem);
    await writePrivateFile(membership, JSON.stringify({ certificatePem }));
    assert.equal((await startCommand(["nats", "setup"], installed).outcome).code, EXIT_CODES.ok);

    const { records } = await startCommand(["doctor", "--json"], installed).outcome;
    const found = new Map(records.map((record) => [record["check"], String(record["found"])]));
    const has = (check: string, words: string): void =>
      assert.ok(found.get(check)?.includes(words), `${check}: ${found.get(check)}`);
    has("agent's settings", join(folder, "agent.toml"));
    has("disk", agent);
    has("device's certificate", "good until");
    has("owner's limits", "memory 1 GB");
    has("coordinator's settings", join(folder, "coordinator.toml"));
    has("store", coordinator);
    has("nats-server", "/nowhere/nats");
    has("the fleet's keys", join(coordinator, "authority"));

    await writeFile(join(folder, "coordinator.toml"), "dota = 1\n");
    const wrong = await startCommand(["doctor", "--role", "coordinator", "--json"], installed).outcome;
    assert.match(String(wrong.records.find(({ state }) => state === "broken")?.["found"]), /dota is not known/u);
    assert.equal(wrong.code, EXIT_CODES.state);
  });

  it("tells a missing nats-server and a coordinator that does not answer, with what to do", async () => {
    const args = ["doctor", "--role", "coordinator", "--coordinator", "127.0.0.1:1"];
    const environment = { ...process.env, MPO_NATS_SERVER: "/nowhere/nats-server" };
    const { stdout, stderr, code } = await startCommand(args, { environment }).outcome;
    assert.match(stdout, /broken.*nats-server/u);
    assert.match(stdout, /^nats-server: Install the package mpo-coordinator/mu);
    assert.match(stdout, /^coordinator: Start one with/mu);
    assert.match(stderr, /error \(precondition-failed\): [2-4] of \d+ checks/u);
    assert.equal(code, EXIT_CODES.state);
  });

  it("reaches a coordinator", { skip: noNatsServer }, async (t) => {
    const { ready } = await startCoordinator(t, await testFolder(t));
    // Commander reads the process' own environment.
    process.env["MPO_COORDINATOR"] = String(ready["grpc"]);
    t.after(() => {
      delete process.env["MPO_COORDINATOR"];
    });
    const { records } = await startCommand(["doctor", "--role", "coordinator", "--insecure", "--json"]).outcome;
    assert.equal(records.find(({ check }) => check === "coordinator")?.["state"], "ok");
  });
});
