import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { skip as noNatsServer } from "@mpo/transport/testing";
import { connectMachines, type Machine, type Network, noMachines, pause, type Running } from "./network.ts";
import { filesBelow, processTexts, secretsIn } from "./secrets.ts";
import { crossedIn } from "./tcp-flows.ts";

const ADA = "pi-of-ada";
const BOB = "pi-of-bob";
const MODEL = "kitchencam";
const PORTS = [7443, 4222];
/** Files that may hold secrets. */
const KEEPERS =
  /^(?:authority\.json|7443\.json|nats-server\.pem|device-key\.pem|membership\.json|contexts\.json|wrapping\.key|.*\.txt)$/u;

interface Fleet {
  readonly network: Network;
  readonly hub: Machine;
  readonly ada: Machine;
  readonly bob: Machine;
  /** Lines that were asked for, and what wraps the fleet's keys. */
  readonly printed: string[];
  /** What could be read of processes. */
  readonly processes: string[];
}

/** A coordinator that other machines reach, on its own. */
async function startFleet(context: TestContext): Promise<Fleet> {
  const folder = await mkdtemp(join(tmpdir(), "mpo-machines-"));
  context.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  const network = await connectMachines(context, folder, 3);
  const [hub, ada, bob] = network.machines as readonly [Machine, Machine, Machine];
  const key = randomBytes(16).toString("hex");
  await writeFile(join(hub.folder, "wrapping.key"), key, { mode: 0o600 });
  const keys = ["--authority-key", "wrapping.key"];
  const coordinator = hub.start(context, "coordinator", "--listen", "0.0.0.0:7443", "--window", "3min", ...keys);
  await coordinator.until(/is ready/u);
  return { network, hub, ada, bob, printed: [key], processes: [] };
}

/** Has a line printed, and brings it to another machine in a file. */
async function hands({ hub, printed }: Fleet, to: Machine, file: string, ...words: readonly string[]): Promise<void> {
  const { stdout, stderr, code } = await hub.mpo(...words);
  assert.equal(code, 0, stderr);
  assert.equal(hub.outputs.pop()?.stdout, stdout);
  printed.push(stdout.trim());
  await writeFile(join(to.folder, file), stdout, { mode: 0o600 });
}

/** The two commands of the guide: a line is made where the coordinator runs, and handed to the device. */
async function joins(
  context: TestContext,
  fleet: Fleet,
  machine: Machine,
  ...options: readonly string[]
): Promise<Running> {
  await hands(fleet, machine, "join.txt", "token", "create", "--accept");
  const agent = machine.start(context, "agent", "--join", "@join.txt", ...options);
  await agent.until(/is up/u);
  assert.doesNotMatch(fleet.hub.daemons[0]?.said() ?? "", /WARN +a TLS handshake failed/u, "to join is no failure");
  return agent;
}

async function lookAtProcesses({ hub, ada, bob, processes }: Fleet): Promise<void> {
  for (const { keeper } of [hub, ada, bob]) processes.push(...(await processTexts(keeper)));
}

/** Retrains once the fleet has measured the model, and its inputs have drifted. */
async function retrains(context: TestContext, fleet: Fleet): Promise<void> {
  const { hub, ada } = fleet;
  const app = ["example-app", "--serving", "serving", "--model", MODEL, "--corruption", "fog", "--rate", "60"];
  await ada.start(context, ...app, "--drift-after", "70s").until(/serving kitchencam/u);
  const work = ["--serving", "serving", "--method", "shot", "--min-inputs", "128", "--probe-time", "35s"];
  const machine = ["--cpu-share", "equal", "--probe-patience", "1s", "--tick", "1s", "--drift-probe-time", "10s"];
  await joins(context, fleet, ada, "--device", ADA, ...work, ...machine);
  const events = hub.start(context, "events", "--follow", "--device", ADA);
  await events.until(/config-pushed/u);
  await lookAtProcesses(fleet);
  const pushed = await hub.mpo("config", "push", ADA, "--micro-batch", "8", "--segments", "2", "--wait", "60s");
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.match(pushed.stdout, /applied/u);
  await events.until(/drift-seen/u);
  await events.until(/window-(?:replaced|kept-old)/u);
}

describe("a fleet whose machines share nothing but a wire", { skip: noNatsServer || noMachines }, () => {
  it("joins, measures, retrains and revokes in secret", { timeout: 470_000 }, async (t) => {
    const fleet = await startFleet(t);
    const { hub, ada, bob } = fleet;
    const agent = await joins(t, fleet, bob, "--device", BOB);
    const open = (await hub.sockets()).filter(({ state, isLoopback }) => state === "listens" && !isLoopback);
    assert.deepEqual(open.map(({ port }) => port).sort(), [...PORTS].sort(), "nothing else can be reached");
    await retrains(t, fleet);
    t.diagnostic(`revoked: off on both wires after ${await revokes(fleet, bob, agent)} ms`);
    await logsIn(fleet);
    await wrongWays(fleet);
    await lookAtProcesses(fleet);
    for (const words of LISTINGS) {
      const { code, stderr } = await hub.mpo(...words, "--json");
      assert.equal(code, 0, `${words.join(" ")}: ${stderr}`);
    }
    for (const { daemons } of [ada, bob, hub]) for (const daemon of daemons.toReversed()) await daemon.stop();
    const secrets = await secretsOf(fleet);
    t.diagnostic(`${secrets.size} secrets looked for in ${crossesInSecret(fleet, secrets)} bytes that crossed`);
    await areKept(fleet, secrets);
  });
});

/** Off on both wires: after how many milliseconds. */
async function revokes({ hub }: Fleet, machine: Machine, agent: Running): Promise<number> {
  const isOnline = async (port: number): Promise<boolean> =>
    (await machine.sockets()).some(({ remotePort, state }) => remotePort === port && state === "connected");
  assert.ok(await isOnline(4222), agent.said());
  const sinceMs = Date.now();
  const { code, stderr } = await hub.mpo("devices", "revoke", BOB, "--reason", "stolen");
  assert.equal(code, 0, stderr);
  await agent.until(/turns this device away|refuses this device/u);
  // It may try to connect again, and is refused.
  for (let quiet = 0; quiet < 10; await pause(200)) quiet = (await isOnline(4222)) ? 0 : quiet + 1;
  const tookMs = Date.now() - sinceMs;
  assert.ok(tookMs < 60_000, `off after ${tookMs} ms`);
  await agent.stop();
  const again = ["--data", "elsewhere", "--join", "@join.txt"];
  assert.match((await machine.mpo("agent", "--device", "pi-of-eve", ...again)).stderr, /has been used up/u);
  return tookMs;
}

/** A person, on a machine that is not the coordinator's. */
async function logsIn(fleet: Fleet): Promise<void> {
  const { ada } = fleet;
  await hands(fleet, ada, "login.txt", "access", "create", "ada", "--role", "viewer", "--all-tenants");
  const words = [
    ["login", "@login.txt"],
    ["devices", "list"],
    ["context", "show"],
  ];
  for (const each of words) assert.equal((await ada.mpo(...each)).code, 0, ada.outputs.at(-1)?.stderr);
  assert.match(ada.outputs.at(-2)?.stdout ?? "", new RegExp(ADA, "u"));
  assert.notEqual((await ada.mpo("devices", "revoke", ADA)).code, 0, "a viewer looks only");
}

/** What is refused is not repeated. */
async function wrongWays({ hub, bob, printed }: Fleet): Promise<void> {
  const half = (printed.at(-1) ?? "").slice(0, 90);
  await writeFile(join(bob.folder, "half.txt"), half, { mode: 0o600 });
  const wrong = [
    ["agent", "--data", "new", "--join", "@half.txt"],
    ["login", "@half.txt"],
    ["devices", "list", "--coordinator", `${hub.address}:7443`],
  ];
  for (const words of wrong) assert.notEqual((await bob.mpo(...words)).code, 0, words.join(" "));
  printed.push(half);
}

const LISTINGS = [
  ...[["events"], ["events", "verify"], ["token", "list"], ["access", "list"], ["ca", "show"], ["ca", "export"]],
  ...[["keys", "show"], ["whoami"], ["context", "list"], ["doctor", "--role", "coordinator"]],
  ...[
    ["devices", "list"],
    ["devices", "show", ADA],
    ["config", "show", ADA],
    ["devices", "pending"],
  ],
  ["events", "export", "--output", "events.ndjson"],
];

async function secretsOf({ hub, ada, bob, printed }: Fleet): Promise<ReadonlySet<string>> {
  const files = await Promise.all([hub, ada, bob].map(({ folder }) => filesBelow(folder)));
  const kept = files.flat().filter(({ path }) => KEEPERS.test(basename(path)));
  return new Set([...printed, ...[...printed, ...kept.map(({ text }) => text)].flatMap(secretsIn)]);
}

/** Nothing but the two ports, and nothing on them that says anything. */
function crossesInSecret({ network, hub }: Fleet, secrets: ReadonlySet<string>): number {
  const { flows, others } = crossedIn(network.frames());
  assert.deepEqual([...others], []);
  for (const { from, to, ports } of flows) {
    const port = from === hub.address ? ports[0] : to === hub.address ? ports[1] : 0;
    assert.ok(PORTS.includes(port), `${from}:${ports[0]} to ${to}:${ports[1]}`);
  }
  for (const port of PORTS) {
    const said = flows.filter(({ ports }) => ports[1] === port).map(({ bytes }) => bytes.toString("latin1"));
    // The tap hears: only the name that clients look for crosses as it is.
    assert.ok(
      said.some((text) => text.includes("mpo.internal")),
      `nothing was heard on port ${port}`,
    );
  }
  const words = [
    ADA,
    BOB,
    MODEL,
    "mpo.v1",
    "INFO {",
    "CONNECT {",
    "PRI * HTTP/2",
    "BEGIN CERT",
    "mpo://",
    "rungs",
    "default",
  ];
  for (const { bytes, from, to } of flows) {
    const said = bytes.toString("latin1");
    for (const word of [...words, ...secrets]) assert.ok(!said.includes(word), `${word} crosses from ${from} to ${to}`);
  }
  return flows.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** Every secret stays in its file. */
async function areKept({ hub, ada, bob, processes }: Fleet, secrets: ReadonlySet<string>): Promise<void> {
  for (const kind of ["mpo-join-", "mpoj_", "mpo-login-", "mpo_", "SO", "SA", "SU", "eyJ", "MI", "MC"]) {
    assert.ok(
      [...secrets].some((secret) => secret.startsWith(kind)),
      `no secret of the kind ${kind} was looked for`,
    );
  }
  const holds = (text: string): string | undefined => [...secrets].find((secret) => text.includes(secret));
  for (const text of processes) assert.equal(holds(text), undefined, text);
  for (const { outputs, daemons, folder } of [hub, ada, bob]) {
    for (const { stdout, stderr } of outputs) assert.equal(holds(stdout + stderr), undefined, stdout + stderr);
    for (const daemon of daemons) assert.equal(holds(daemon.said()), undefined, daemon.said());
    for (const { path, mode, text } of await filesBelow(folder)) {
      if (holds(text) === undefined) continue;
      assert.match(basename(path), KEEPERS, `${holds(text)} lies in ${path}`);
      assert.equal(mode, 0o600, path);
    }
  }
}
